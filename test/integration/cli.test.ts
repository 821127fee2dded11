import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { viewOf } from '../../api/draft-view.ts';
import { type Io, printable, renderTable, widthOf } from '../../cli/output.ts';
import { runCli } from '../../cli/run.ts';
import { API_URL_FILE, findHomeFile, OPERATOR_TOKEN_FILE, writeHomeFile } from '../../home.ts';
import { type ApiWorld, examplePlan, newApiWorld, TOKEN } from '../support/api-world.ts';

let world: ApiWorld;
let url: string;
let folder: string;

beforeAll(async () => {
  world = await newApiWorld();
  world.clock.at = Date.now();
  url = await world.app.listen({ host: '127.0.0.1', port: 0 });
  folder = mkdtempSync(join(tmpdir(), 'mailferry-cli-'));
  writeFileSync(join(folder, 'plan.yaml'), examplePlan.plan);
  writeFileSync(join(folder, 'mailboxes.csv'), examplePlan.mailboxes);
});
afterAll(async () => {
  await world.app.close();
  rmSync(folder, { recursive: true, force: true });
});

/** In this process: quick. */
async function run(
  args: string[],
  env: Record<string, string> = { MAILFERRY_API_URL: url, MAILFERRY_TOKEN: TOKEN },
  place: Partial<Io> = {},
) {
  let out = '';
  let err = '';
  const io: Io = {
    env: { MAILFERRY_HOME: folder, ...env },
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    isTerminal: false,
    width: null,
    signal: new AbortController().signal,
    ...place,
  };
  const code = await runCli(args, io);
  return { code, out, err };
}

const file = (name: string): string => join(folder, name);
const create = async (): Promise<string> =>
  JSON.parse((await run(['migration', 'create', file('plan.yaml'), file('mailboxes.csv'), '--json'])).out).id;

describe('the command as a process of its own', () => {
  test('creates, starts and lists; the same files twice make one migration', async () => {
    const env = { ...process.env, MAILFERRY_API_URL: url, MAILFERRY_TOKEN: TOKEN, NO_COLOR: '1' };
    const main = new URL('../../cli/main.ts', import.meta.url).pathname;
    const spawn = (...args: string[]) =>
      new Promise<{ code: unknown; out: string; err: string }>((resolve) => {
        execFile(process.execPath, [main, ...args], { env }, (error, out, err) =>
          resolve({ code: error?.code ?? 0, out, err }),
        );
      });
    const first = await spawn('migration', 'create', file('plan.yaml'), file('mailboxes.csv'));
    expect(first).toMatchObject({ code: 0, err: '' });
    const second = await spawn('migration', 'create', file('plan.yaml'), file('mailboxes.csv'));
    expect(second.out).toBe(first.out);
    const id = /mig_\w+/.exec(first.out)?.[0] ?? '';
    expect(await spawn('migration', 'start', id)).toMatchObject({ code: 0, out: 'The migration runs.\n' });
    const list = await spawn('migration', 'list', '--json');
    expect(JSON.parse(list.out).map((one: { id: string }) => one.id)).toEqual([id]);
    expect(await spawn('migration', 'status', 'mig_none')).toMatchObject({ code: 3, out: '' });
    expect(await spawn('migration', 'dance')).toMatchObject({ code: 2 });
  });
});

describe('exit codes', () => {
  test('tell what kind of failure it was, and stderr the remedy', async () => {
    const id = await create();
    expect((await run(['--help'])).code).toBe(0);
    expect((await run(['migration', 'pause', id])).code).toBe(2);
    expect((await run(['migration', 'status', 'mig_none'])).code).toBe(3);
    expect(
      (await run(['migration', 'list'], { MAILFERRY_API_URL: url, MAILFERRY_TOKEN: 'wrong-token-wrong' })).code,
    ).toBe(4);
    expect((await run(['migration', 'cutover-date', id, '2020-01-01T00:00:00Z'])).code).toBe(5);
    const away = await run(['migration', 'list'], { MAILFERRY_API_URL: 'http://127.0.0.1:9', MAILFERRY_TOKEN: TOKEN });
    expect([away.code, away.err]).toEqual([6, expect.stringContaining('does not answer')]);
    const nowhere = await run(['migration', 'list'], {});
    expect([nowhere.code, nowhere.err]).toEqual([2, expect.stringContaining('mailferry up')]);
    const json = await run(['migration', 'status', 'mig_none', '--json']);
    expect(JSON.parse(json.err).error).toMatchObject({ exitCode: 3, problem: { code: 'NOT_FOUND' } });
  });

  test('a plan with faults is 2, each fault on a line with its place', async () => {
    writeFileSync(
      file('bad.yaml'),
      examplePlan.plan.replace('security: tls', 'security: tsl').replace('quiet: 7d', 'quiet: long'),
    );
    const { code, err } = await run(['migration', 'create', file('bad.yaml'), file('mailboxes.csv')]);
    expect(code).toBe(2);
    expect(err).toMatch(/^ {2}bad\.yaml:18:13 .*\n {2}bad\.yaml:33:10 /m);
  });
});

describe('preflight', () => {
  test('checks a draft of its own, says which mailbox fails by exit code 8, and leaves nothing behind', async () => {
    writeFileSync(
      file('other.csv'),
      examplePlan.mailboxes
        .replaceAll('anna@', 'fay@')
        .replaceAll('bert@', 'gus@')
        .replaceAll('info@', 'i@')
        .replaceAll('a.mueller@', 'f@'),
    );
    const verdict = {
      ok: true,
      code: null,
      message: null,
      tls: true,
      folders: 3,
      messages: 7,
      bytes: 90 * 1_048_576,
      capabilities: [],
      renames: Array.from({ length: 12 }, (_, number) => ({
        from: `Files\u0007 ${number}`,
        to: `Files (${number})`,
        why: 'the target cannot hold the name as it is',
      })),
      forecast: {
        messages: 7,
        bytes: 90 * 1_048_576,
        tooLarge: {
          limitBytes: 36_700_160,
          isAssumed: true,
          count: 1,
          largest: [{ folder: 'Sent', uid: 7, bytes: 36_900_000 }],
        },
        unfit: [{ folder: 'INBOX', why: 'has too much' }],
        renamed: 1,
        seconds: 7_200,
        rate: { messagesPerSecond: 10, bytesPerSecond: 500_000, isMeasured: false },
        daily: { bytesPerDay: 2_500_000_000, days: 3 },
      },
    };
    const start = world.workflows.startPreflight;
    world.workflows.startPreflight = async (migrationId) => {
      for await (const { id, address } of world.migrations.listMailboxes(migrationId)) {
        const failed = { ...verdict, ok: false, code: 'AUTH_FAILED', message: 'The server refused the password.' };
        await world.migrations.recordPreflight(id, address.startsWith('gus') ? failed : verdict);
      }
    };
    const { code, out } = await run(['preflight', file('plan.yaml'), file('other.csv')]);
    world.workflows.startPreflight = start;
    expect(code).toBe(8);
    expect(out).toMatch(/fay@example\.org +ok +3 +7 +90 +2 h/);
    expect(out).toContain('fay@example.org: will not fit: "INBOX" has too much.\n');
    expect(out).toContain(
      'will not fit: 1 larger than 35 MiB, the usual limit; the largest: "Sent" UID 7 (35.2 MiB).\n',
    );
    expect(out).toContain(
      'fay@example.org: "Files 9" becomes "Files (9)": the target cannot hold the name as it is.\n',
    );
    expect(out).not.toContain('Files (10)');
    expect(out).toContain('fay@example.org: 2 more folders get other names; --json has them all.\n');
    expect(out).toContain('takes 3 days, as the source gives 2500 MB a day.\n');
    expect(out).toMatch(/gus@example\.org +AUTH_FAILED/);
    expect(out).toContain('1 of 2 mailboxes can be moved.');
    expect((await run(['migration', 'create', file('plan.yaml'), file('other.csv')])).code).toBe(0);
  });
});

describe('gates', () => {
  const evidence = { mailboxes: [{ address: 'anna@example.org', source: 2, copied: 2 }] };

  test('are shown and decided by operator and by contact, who needs the code', async () => {
    const id = await create();
    const { gateId } = await world.approvals.openGate({ migrationId: id, gate: 'cutover', evidence, publicUrl: url });
    const lastMail = (): string => {
      const entry = world.outbox.entries.findLast((row) => row.entry.kind === 'mail')?.entry;
      return entry?.kind === 'mail' ? entry.mail.text : '';
    };
    const link = /http\S+/.exec(lastMail())?.[0] ?? '';
    expect((await run(['gate', 'list', id])).out).toMatch(/cutover +1 +open/);
    expect((await run(['gate', 'show', gateId])).out).toMatch(/anna@example\.org +2 +2/);
    expect((await run(['gate', 'show', '--link', link], {})).out).toContain('May we switch over?');
    expect((await run(['gate', 'approve', '--link', link], {})).code).toBe(2);
    expect((await run(['gate', 'challenge', '--link', link], {})).code).toBe(0);
    const code = /\d{6}/.exec(lastMail())?.[0] ?? '';
    const wrong = code === '000000' ? '000001' : '000000';
    expect((await run(['gate', 'approve', '--link', link, '--code', wrong], {})).code).toBe(4);
    expect((await run(['gate', 'approve', '--link', link, '--code', code], {})).code).toBe(0);
    expect((await run(['gate', 'reject', gateId, '--comment', 'no'])).code).toBe(2);
    expect((await run(['gate', 'approve', gateId, '--digest', 'of-something-else'])).code).toBe(5);
    expect((await run(['gate', 'approve', gateId])).code).toBe(0);
    const gate = await world.approvals.getGate(gateId);
    expect(gate.decisions.map(({ party, verdict }) => `${party} ${verdict}`)).toEqual([
      'client approve',
      'operator approve',
    ]);
  });
});

describe('watch', () => {
  test('writes a line a change without a terminal and ends when somebody has to act', async () => {
    const id = await create();
    const view = viewOf(await world.migrations.getMigration(id));
    await world.migrations.recordView(id, {
      ...view,
      status: 'running',
      waitingFor: ['client'],
      headline: 'Gate accounts\u001b[2J is open.',
    });
    const { code, out } = await run(['migration', 'watch', id]);
    expect([code, out]).toEqual([0, '    -  --  Gate accounts[2J is open.\n']);
  });

  test('ends with 130 when it is interrupted, and the migration goes on', async () => {
    const id = await create();
    const view = viewOf(await world.migrations.getMigration(id));
    await world.migrations.recordView(id, { ...view, status: 'running', waitingFor: [], headline: 'Copying.' });
    const interrupt = new AbortController();
    const out = (text: string): void => {
      if (text.includes('Copying')) interrupt.abort();
    };
    expect((await run(['migration', 'watch', id], undefined, { signal: interrupt.signal, out })).code).toBe(130);
  });
});

describe('reports and the audit log', () => {
  test('come as table, JSON, CSV and HTML', async () => {
    const id = await create();
    expect((await run(['report', id])).out).toMatch(/^total +0/m);
    expect(JSON.parse((await run(['report', id, '--json'])).out).total.source).toBe(0);
    expect((await run(['report', id, '--csv'])).out).toContain('anna@example.org');
    expect((await run(['report', id, '--html'])).out).toMatch(/^<!doctype html>/);
    expect((await run(['audit', 'verify'])).code).toBe(0);
    world.approvals.findAuditBreak = async () => 'aud_3';
    expect((await run(['audit', 'verify'])).code).toBe(8);
  });
});

describe('what is printed', () => {
  const terminal = { isTerminal: true, width: 40, env: {} } as unknown as Io;

  test('never drives the terminal, whatever strangers put into a name', () => {
    expect(printable('a\u001b]0;x\u0007b\u202ec\r\nd\u009b')).toBe('a]0;xbcd');
  });

  test('fits the terminal with wide letters and long names, and is not cut for a file', () => {
    const rows = [
      ['漢字の名前漢字の名前漢字の名前', 'short', 5],
      ['e\u0301', 'x'.repeat(60), 12],
    ];
    for (const line of renderTable(terminal, ['NAME', 'WHAT', 'COUNT'], rows)
      .replaceAll(/\u001b\[\d+m/g, '')
      .trimEnd()
      .split('\n')) {
      expect(widthOf(line)).toBeLessThanOrEqual(40);
    }
    expect(renderTable({ ...terminal, isTerminal: false, width: null }, ['A', 'B', 'C'], rows)).toContain(
      'x'.repeat(60),
    );
  });

  test('counts cells as a terminal shows them', () => {
    expect(['漢字', 'e\u0301', '📬', 'ab'].map(widthOf)).toEqual([4, 1, 2, 2]);
  });

  test('has colours only on a terminal that wants them', () => {
    expect(renderTable(terminal, ['A'], [['b']])).toContain('\u001b[1m');
    expect(renderTable({ ...terminal, env: { NO_COLOR: '1' } }, ['A'], [['b']])).not.toContain('\u001b');
  });
});

describe('the home folder', () => {
  test('keeps what `up` writes for the owner alone', () => {
    const home = join(folder, 'home');
    writeHomeFile(home, OPERATOR_TOKEN_FILE, 'secret');
    writeHomeFile(home, API_URL_FILE, url);
    expect(statSync(join(home, OPERATOR_TOKEN_FILE)).mode & 0o777).toBe(0o600);
    expect(findHomeFile(home, OPERATOR_TOKEN_FILE)).toBe('secret');
    expect(findHomeFile(home, 'other')).toBeNull();
  });
});

describe('mailbox allow-deletions', () => {
  test('T73: is stored, audited, and refused where the plan keeps everything', async () => {
    writeFileSync(file('follow.yaml'), examplePlan.plan.replace('deletions: keep', 'deletions: follow'));
    const boxes = examplePlan.mailboxes.replaceAll('@example.org', '-follow@example.org');
    writeFileSync(file('follow.csv'), boxes);
    const made = await run(['migration', 'create', file('follow.yaml'), file('follow.csv'), '--json']);
    const { id } = JSON.parse(made.out);
    const [mailbox] = await world.migrations.pageMailboxes(id, -1, 1);
    const mailboxId = mailbox?.id ?? '';
    expect((await run(['mailbox', 'allow-deletions', mailboxId, '--count', 'all'])).code).toBe(2);
    const { code, out } = await run(['mailbox', 'allow-deletions', mailboxId, '--count', '155']);
    expect([code, out]).toEqual([0, expect.stringContaining('At most 155 copies')]);
    expect(await world.migrations.findAllowedDeletions(mailboxId)).toBe(155);

    const [other] = await world.migrations.pageMailboxes(await create(), -1, 1);
    const refused = await run(['mailbox', 'allow-deletions', other?.id ?? '', '--count', '1']);
    expect([refused.code, refused.err]).toEqual([5, expect.stringContaining('keeps what was deleted')]);
  });
});
