import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { STEP_IDS } from '../../domain/steps.ts';
import { waitUntil } from '../../embedded/wait-until.ts';
import { DemoReport } from '../../lab/demo/report.ts';
import { bareEnv } from './running-service.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'lab', 'demo', 'main.ts');
/** A run with three kills takes 80 to 100 s on two cores of its own. */
const LIMIT_MS = 240_000;
const TEN = [
  ...(['source', 'copied', 'repaired', 'wrapped', 'alreadyThere'] as const),
  ...(['vanished', 'excluded', 'refused', 'lost', 'doubled'] as const),
];

/** Temporary folders of the private servers lie in here, so that whatever is left over names it. */
let folder: string;
let home: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mailferry-demo-'));
  home = join(folder, 'home');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the demo without a terminal, its worker killed in mid-transfer', () => {
  let printed = '';
  let code: number | null;
  let report: DemoReport;
  const sumOf = (key: (typeof TEN)[number]) => report.mailboxes.reduce((sum, mailbox) => sum + mailbox[key], 0);

  beforeAll(async () => {
    ({ code, printed } = await runDemo('--kill-worker', '--messages', '120'));
  }, LIMIT_MS + 15_000);

  test('ends with exit code 0 and a report of the documented shape', () => {
    expect(code, printed).toBe(0);
    report = DemoReport.parse(JSON.parse(readFileSync(join(home, 'demo', 'report.json'), 'utf8')));
    expect(report.ok).toBe(true);
  });

  test('accounts for every message, a mailbox and in total, and loses and doubles none', () => {
    expect(report.mailboxes.length).toBe(6);
    for (const mailbox of [...report.mailboxes, report.total]) {
      const ended = TEN.slice(1, 8).reduce((sum, key) => sum + mailbox[key], 0);
      expect(ended).toBe(mailbox.source);
      expect(mailbox).toMatchObject({ refused: 0, lost: 0, doubled: 0 });
    }
    for (const key of TEN) expect(sumOf(key)).toBe(report.total[key]);
    expect(report.total.source).toBeGreaterThan(120); // mail came meanwhile
    // By IMAP bytes are others only where a repair was told.
    const rewritten = report.total.repaired + report.total.wrapped;
    expect(report.oracle).toEqual({ lost: 0, doubled: 0, misfiled: 0, rewritten });
    expect(report.sentByTenant).toBe(0);
  });

  test('does every step', () => {
    const statuses = Object.fromEntries(STEP_IDS.map((id) => [id, report.steps[id].status]));
    expect(statuses).toEqual(Object.fromEntries(STEP_IDS.map((id) => [id, 'done'])));
  });

  test('killed the worker in the initial pass and again in a later one', () => {
    const [first, ...later] = report.workerKills;
    expect(first).toBe('initial-1');
    expect(later.length).toBeGreaterThan(0);
  });

  test('finds each mail that was sent meanwhile exactly once, by whichever way it came', () => {
    const { sent, exactlyOnce, missing, more, routes } = report.sentDuringMove;
    expect({ exactlyOnce, missing, more }).toEqual({ exactlyOnce: sent, missing: 0, more: 0 });
    expect(routes.map(({ route }) => route)).toEqual([
      'old-mx',
      'new-mx-redirected',
      'new-mx-direct',
      'old-mx-by-heart',
    ]);
    for (const route of routes) expect(route.sent, route.route).toBeGreaterThan(0);
    expect(report.stragglers).toMatchObject({ sent: 3, found: 3 });
  });

  test('writes a page that shows the same', () => {
    const page = readFileSync(join(home, 'demo', 'report.html'), 'utf8');
    for (const { address } of report.mailboxes) expect(page).toContain(address);
    expect(page).toContain('mail sent during the move');
    expect(page).toContain(report.migrationId);
  });

  test('leaves no process and no private server behind', async () => {
    expect(await waitUntil(() => processesOf(folder).length === 0, 5_000), processesOf(folder).join('\n')).toBe(true);
    expect(existsSync(join(home, 'demo', 'running', 'service.lock'))).toBe(false);
    expect(readdirSync(folder)).toEqual(['home']);
  });
});

describe('the demo by another way into the mailboxes', () => {
  test('ends as well, and says what that way could not carry', { timeout: LIMIT_MS + 15_000 }, async () => {
    const { code, printed } = await runDemo('--route', 'graph-json', '--mailboxes', '2', '--messages', '60');
    expect(code, printed).toBe(0);
    expect(printed).toContain('mail goes into 2 mailboxes by graph-json (parts)');
    const report = DemoReport.parse(JSON.parse(readFileSync(join(home, 'demo', 'report.json'), 'utf8')));
    expect(report).toMatchObject({ ok: true, route: 'graph-json', sentByTenant: 0 });
    expect(report.oracle).toMatchObject({ lost: 0, doubled: 0, misfiled: 0 });
    expect(report.total.repaired).toBeGreaterThan(0); // newsletters without their plain text
    expect(report.oracle.rewritten).toBeGreaterThan(report.total.repaired);
  });
});

describe('the demo interrupted', () => {
  test('tells a second one that it runs, and is gone within ten seconds', async () => {
    const first = startDemo('--messages', '60');
    try {
      let said = '';
      first.stdout?.on('data', (chunk: Buffer) => {
        said += chunk.toString();
      });
      expect(await waitUntil(() => said.includes('old mail server'), 30_000)).toBe(true);
      const second = startDemo();
      let refusal = '';
      second.stdout?.on('data', (chunk: Buffer) => {
        refusal += chunk.toString();
      });
      expect(await once(second, 'close')).toEqual([1, null]);
      expect(refusal).toContain(`A demo runs already (process ${first.pid})`);

      expect(await waitUntil(() => said.includes('A1') || first.exitCode !== null, 60_000), said).toBe(true);
      expect(said).toContain('A1');
      for (const part of ['postgres', 'temporal', 'dovecot', 'workers/main.ts'])
        expect(
          processesOf(folder).some((line) => line.includes(part)),
          part,
        ).toBe(true);
      const began = performance.now();
      const ended = once(first, 'close');
      first.kill('SIGINT');
      expect(await ended).toEqual([130, null]);
      expect(performance.now() - began).toBeLessThan(10_000);
      expect(await waitUntil(() => processesOf(folder).length === 0, 5_000)).toBe(true);
    } finally {
      first.kill('SIGKILL');
    }
  }, 180_000);
});

async function runDemo(...options: readonly string[]): Promise<{ code: number | null; printed: string }> {
  const demo = startDemo(...options);
  const limit = setTimeout(() => demo.kill('SIGTERM'), LIMIT_MS);
  let printed = '';
  demo.stdout?.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  const [code] = (await once(demo, 'close')) as [number | null];
  clearTimeout(limit);
  return { code, printed };
}

function startDemo(...options: readonly string[]): ChildProcess {
  return spawn(process.execPath, [MAIN, ...options], {
    env: { ...bareEnv(), MAILFERRY_HOME: home, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** All that was started from here: TMPDIR stands in their environment, the worker process's too, which names no folder. */
function processesOf(mark: string): string[] {
  const lines = execFileSync('ps', ['axeww', '-o', 'pid=,args='], { encoding: 'utf8', maxBuffer: 2 ** 26 }).split('\n');
  return lines.filter((line) => line.includes(mark));
}
