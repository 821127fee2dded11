import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Mailbox, Migration, Report } from '../../cli/context.ts';
import { findProcess } from '../../embedded/process-marks.ts';
import { waitUntil } from '../../embedded/wait-until.ts';
import type { SeedMail } from '../../lab/mail/seed.ts';
import { countAll, type MailPair, readAll, startMailPair, writeMailboxList, writePlan } from './mail-pair.ts';
import { processesNaming, RunningService } from './running-service.ts';
import { type SlowLine, startSlowLine } from './slow-line.ts';

const WORKER = join(import.meta.dirname, '..', '..', 'workers', 'main.ts');
const WITHOUT_WORKERS = join(import.meta.dirname, 'service-without-workers.ts');
const MESSAGES = 300;
/** On one connection, 50 messages a command, one mailbox takes about two seconds: long enough to be caught in the act. */
const ANSWER_MS = 60;
/** A dead worker is noticed by its heartbeat after ten seconds; then mail is looked for, sent and read again. */
const RECOVERY_MS = 120_000;
const TEST_MS = 240_000;
const USERS = ['postgres', 'temporal', 'service', 'ctrl-c', 'paused', 'stays', 'leaves', 'comes', 'worker'];

let folder: string;
let pair: MailPair;
let line: SlowLine;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mailferry-faults-'));
  pair = await startMailPair(Object.fromEntries(USERS.map((user) => [user, mailsOf(user)])));
  line = await startSlowLine(pair.target.port, ANSWER_MS);
}, 120_000);
afterEach(() => line.release());
afterAll(async () => {
  line?.close();
  await pair?.stop();
  if (folder !== undefined) {
    expect(await waitUntil(() => processesNaming(folder).length === 0, 8_000)).toBe(true);
    rmSync(folder, { recursive: true, force: true });
  }
});

describe('the service in one process', () => {
  let service: RunningService;
  beforeAll(async () => {
    service = await RunningService.start(join(folder, 'home'));
  }, 120_000);
  afterAll(() => service?.close());

  test.each(['postgres', 'temporal'])(
    'goes on by itself when %s is killed in mid-transfer',
    async (part) => {
      const id = await beginTransfer(service, [part]);
      await catchInTheAct(service, id, part);
      const pid = pidOfPart(service, part);
      process.kill(pid, 'SIGKILL');
      line.release();
      await waitUntil(() => findProcess(pid) === null, 5_000);
      await expectAllMoved(service, id, [part]);
      expect(pidOfPart(service, part)).not.toBe(pid);
    },
    TEST_MS,
  );

  test(
    'leaves no process when it is killed in mid-transfer, and goes on when it is started again',
    async () => {
      const id = await beginTransfer(service, ['service']);
      await catchInTheAct(service, id, 'service');
      const all = descendantsOf(service.child.pid ?? 0);
      expect(all.length).toBeGreaterThan(3);
      await service.end('SIGKILL');
      expect(await waitUntil(() => all.every((pid) => findProcess(pid) === null), 8_000)).toBe(true);
      line.release();
      await service.startAgain();
      await expectAllMoved(service, id, ['service']);
    },
    TEST_MS,
  );

  test(
    'starts again at once after it was killed, on the same ports',
    async () => {
      await service.end('SIGKILL');
      await service.startAgain();
      await service.say('migration', 'list');
    },
    TEST_MS,
  );

  test('is the only one on its home folder', async () => {
    const second = await service.run('up');
    expect(second.code).toBe(5);
    expect(second.err).toMatch(/already serves .*Its API is http:.*ALREADY_RUNNING/s);
  });

  test(
    'stops within ten seconds at Ctrl-C in mid-transfer, and goes on when it is started again',
    async () => {
      const id = await beginTransfer(service, ['ctrl-c']);
      await catchInTheAct(service, id, 'ctrl-c');
      const { code, ms } = await service.end('SIGINT');
      expect([code, processesNaming(service.home)]).toEqual([0, []]);
      expect(ms).toBeLessThan(10_000);
      line.release();
      await service.startAgain();
      await expectAllMoved(service, id, ['ctrl-c']);
    },
    TEST_MS,
  );

  test(
    'stays paused through a restart, and resumes where it was',
    async () => {
      const id = await beginTransfer(service, ['paused']);
      await catchInTheAct(service, id, 'paused');
      await service.say('migration', 'pause', id, '--reason', 'the old server is slow');
      // The copy is told with its next heartbeat, and gives its connection up in the middle of a command.
      expect(await waitUntil(() => line.sockets() === 0, 30_000)).toBe(true);
      line.release();
      const again = await service.run('migration', 'pause', id, '--reason', 'twice');
      expect(again).toMatchObject({ code: 5, err: expect.stringContaining('paused already') as string });
      await service.end('SIGKILL');
      const moved = await countAll(pair.endpoint('target', 'paused'));
      await service.startAgain();
      expect(await service.say('migration', 'watch', id)).toContain('the old server is slow');
      expect(await countAll(pair.endpoint('target', 'paused'))).toBe(moved);
      expect(moved).toBeLessThan(MESSAGES);
      await service.say('migration', 'resume', id);
      await expectAllMoved(service, id, ['paused']);
    },
    TEST_MS,
  );

  test(
    'takes one mailbox out and another one in while a third is copied, and does not forget it when it is killed',
    async () => {
      const id = await beginTransfer(service, ['stays', 'leaves']);
      await catchInTheAct(service, id, 'stays');
      const mailboxes = await service.ask<Mailbox[]>('mailbox', 'list', id);
      const leaving = mailboxes.find(({ address }) => address.startsWith('leaves'));
      await service.say('migration', 'drop', id, leaving?.id ?? '');
      await service.say('migration', 'add', id, writeMailboxList(join(folder, 'plans'), 'more', ['comes']));
      await service.end('SIGKILL');
      line.release();
      await service.startAgain();
      await expectAllMoved(service, id, ['stays', 'comes']);
      expect(await countAll(pair.endpoint('target', 'leaves'))).toBe(0);
    },
    TEST_MS,
  );
});

describe('a worker process of its own', () => {
  let service: RunningService;
  const workers: ChildProcess[] = [];
  beforeAll(async () => {
    service = await RunningService.start(join(folder, 'other-home'), {}, WITHOUT_WORKERS);
    startWorker('orchestration,exchange-admin,dns');
  }, 120_000);
  afterAll(async () => {
    for (const worker of workers) worker.kill('SIGKILL');
    await service?.close();
  });

  test(
    'is replaced by another when it is killed in mid-transfer',
    async () => {
      const first = startWorker('transfer');
      const id = await beginTransfer(service, ['worker']);
      await catchInTheAct(service, id, 'worker');
      const ended = once(first, 'exit');
      first.kill('SIGKILL');
      await ended;
      line.release();
      startWorker('transfer');
      await expectAllMoved(service, id, ['worker']);
    },
    TEST_MS,
  );

  function startWorker(roles: string): ChildProcess {
    const env = JSON.parse(service.printed.split('\n').find((text) => text.startsWith('{"MAILFERRY_HOME"')) ?? '{}');
    const worker = spawn(process.execPath, [WORKER, '--roles', roles], {
      env: { ...service.env, ...(env as NodeJS.ProcessEnv) },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    workers.push(worker);
    return worker;
  }
});

/** Plans, starts and sets the date, so that the transfer begins. */
async function beginTransfer(service: RunningService, users: readonly string[]): Promise<string> {
  const ports = { source: pair.source.port, target: line.port };
  const policy = ['quiet: 1s', 'deltaEvery: 1s', 'cutoverLead: 0s', 'window: 1'];
  const files = writePlan(join(folder, 'plans'), users[0] ?? '', ports, users, policy, 1);
  const { id } = await service.ask<Migration>('migration', 'create', files.plan, files.mailboxes);
  await service.say('migration', 'start', id);
  const asks = async () => (await viewOf(service, id)).step === 'A4';
  expect(await waitUntil(asks, 60_000)).toBe(true);
  await service.say('migration', 'cutover-date', id, new Date(Date.now() + 3_600_000).toISOString());
  return id;
}

/** Returns with the line stalled: some messages are at the target, some are not, and one answer is on its way. */
async function catchInTheAct(service: RunningService, id: string, user: string): Promise<void> {
  const target = pair.endpoint('target', user);
  expect(await waitUntil(async () => (await countAll(target)) >= MESSAGES / 3, 60_000)).toBe(true);
  line.stall();
  const moved = await countAll(target);
  expect(moved).toBeGreaterThan(0);
  expect(moved).toBeLessThan(MESSAGES);
  const { pass, steps } = await viewOf(service, id);
  expect([pass?.kind, pass?.done, steps.B1.status]).toEqual(['initial', 0, 'doing']);
}

/** The transfer ends by itself, and the target has what the source has, once. */
async function expectAllMoved(service: RunningService, id: string, users: readonly string[]): Promise<void> {
  const done = async () => {
    const { code, out } = await service.run('migration', 'status', id, '--json');
    return code === 0 && (JSON.parse(out) as Migration).view.step === 'B2';
  };
  if (!(await waitUntil(done, RECOVERY_MS))) {
    const { out, err } = await service.run('migration', 'status', id);
    throw new Error(`the transfer does not go on:\n${out}${err}${service.printed.slice(-4_000)}`);
  }
  for (const user of users) {
    expect(await readAll(pair.endpoint('target', user))).toEqual(await readAll(pair.endpoint('source', user)));
  }
  const { total } = await service.ask<Report>('report', id);
  const expected = MESSAGES * users.length;
  expect(total).toMatchObject({ source: expected, copied: expected, alreadyThere: 0, lost: 0, doubled: 0, refused: 0 });
}

async function viewOf(service: RunningService, id: string): Promise<Migration['view']> {
  return (await service.ask<Migration>('migration', 'status', id)).view;
}

function pidOfPart({ home }: RunningService, part: string): number {
  const mark = JSON.parse(readFileSync(join(home, 'data', 'run', `${part}.pid`), 'utf8')) as { pid: number };
  return mark.pid;
}

function descendantsOf(root: number): number[] {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((row) => row.trim().split(/\s+/).map(Number));
  const childrenOf = (parent: number): number[] =>
    rows.flatMap(([pid, ppid]) => (ppid === parent && pid !== undefined ? [pid, ...childrenOf(pid)] : []));
  return childrenOf(root);
}

function mailsOf(user: string): SeedMail[] {
  return Array.from({ length: MESSAGES }, (_, n) => ({
    folder: n % 3 === 0 ? ['Ablage', 'Größeres'] : ['INBOX'],
    flags: n % 2 === 0 ? ['\\Seen'] : [],
    internalDate: new Date(Date.UTC(2024, 0, 1, 0, n)),
    // Every tenth has a twin.
    raw: Buffer.from(
      `From: sender@example.org\r\nTo: ${user}@example.test\r\nSubject: ${n - (n % 10 === 3 ? 3 : 0)}\r\n\r\nHello.\r\n`,
    ),
  }));
}
