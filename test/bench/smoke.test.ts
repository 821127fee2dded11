/** The benchmarks in their short form, so that they still run when somebody needs them. No time is asserted. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fillDocument, renderLine } from '../../bench/render.ts';
import { LINES, type LineResult } from '../../bench/result.ts';
import { countMessages } from '../../bench/servers.ts';
import { startDovecot } from '../../lab/dovecot.ts';
import { seedMailbox } from '../../lab/mail/seed.ts';
import { bareEnv } from '../e2e/running-service.ts';

const ROOT = join(import.meta.dirname, '..', '..');
/** It took 45 s on two busy cores, of which 10 s are a heartbeat that has to run out. */
const LIMIT_MS = 240_000;

const folder = mkdtempSync(join(tmpdir(), 'mailferry-bench-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function bench(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<readonly LineResult[]> {
  const file = join(folder, 'results.json');
  const options = { cwd: ROOT, env: { ...bareEnv(), ...env }, timeout: LIMIT_MS };
  await promisify(execFile)(process.execPath, ['bench/main.ts', ...args, '--json', file], options);
  return (JSON.parse(readFileSync(file, 'utf8')) as { results: LineResult[] }).results; // its own format
}

describe('npm run bench -- --smoke', () => {
  let results: readonly LineResult[] = [];
  beforeAll(async () => {
    results = await bench(['--smoke']);
  }, LIMIT_MS);

  test('measures every line', () => {
    expect(results.map(({ id }) => id)).toEqual(LINES);
  });

  test.each(LINES)('%s has a figure in every row and a value for every goal', (id) => {
    const line = results.find((result) => result.id === id);
    expect(line?.rows.length).toBeGreaterThan(0);
    for (const row of line?.rows ?? []) {
      expect(row).toHaveLength(line?.header.length ?? 0);
      expect(row.slice(1).join(' ')).toMatch(/\d/);
      expect(row.join(' ')).not.toMatch(/NaN|undefined|–/);
    }
    expect(line?.goals.length).toBeGreaterThan(0);
    for (const { spread } of line?.goals ?? []) expect(spread.median).toBeGreaterThanOrEqual(0);
  });

  test('both copies are measured beside mbsync and doveadm', () => {
    for (const id of ['copy', 'latency']) {
      const names = results.find((result) => result.id === id)?.rows.map(([name]) => name);
      expect(names).toEqual(['Mailferry, copy', 'Mailferry, copy and verification', 'mbsync', 'doveadm']);
    }
  });

  test('the worker was killed, and nothing was lost or doubled', () => {
    const kill = results.find(({ id }) => id === 'kill');
    expect(kill?.rows[0]?.[1]).toBe('1');
    const mishaps = kill?.goals.filter(({ what }) => what.startsWith('messages')).map(({ spread }) => spread.max);
    expect(mishaps).toEqual([0, 0]);
  });

  test('the page has a place for every line', () => {
    const texts = Object.fromEntries(results.map((line) => [line.id, renderLine(line, 'As measured.')]));
    const page = fillDocument(readFileSync(join(ROOT, 'docs', 'benchmarks.md'), 'utf8'), texts);
    for (const { title, id } of results) {
      const place = page.slice(page.indexOf(`<!-- bench:${id} -->`), page.indexOf(`<!-- /bench:${id} -->`));
      expect(place).toContain(`### ${title}`);
    }
  });
});

test(
  'any two servers can be measured',
  async () => {
    const users = (password: string) => ({ users: [{ name: 'ada', password }] });
    const [source, target] = await Promise.all([startDovecot(users('from-pässword')), startDovecot(users('to'))]);
    try {
      const raw = Buffer.from('Subject: Hello\r\n\r\nHello.\r\n');
      const from = { host: '127.0.0.1', port: source.port, user: 'ada', pass: 'from-pässword' };
      await seedMailbox(from, [
        { folder: ['INBOX'], raw },
        { folder: ['Sent'], raw },
      ]);
      const urls = ['--source', `imap://127.0.0.1:${source.port}`, '--target', `imap://127.0.0.1:${target.port}`];
      const passwords = { BENCH_SOURCE_PASSWORD: 'from-pässword', BENCH_TARGET_PASSWORD: 'to' };
      const [line] = await bench([...urls, '--user', 'ada', '--runs', '1'], passwords);
      expect(line?.setting).toContain('2 messages were moved');
      expect(line?.rows.map(([name]) => name)).toContain('nothing has changed');
      expect(await countMessages({ ...from, port: target.port, pass: 'to' })).toBe(2);
    } finally {
      await Promise.all([source.stop(), target.stop()]);
    }
  },
  LIMIT_MS,
);
