import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runCli } from '../../cli/run.ts';
import type { Deviation, LedgerException } from '../../domain/ports/ledger.ts';
import { NO_FINDING } from '../contract/ledger-stage.ts';
import { type ApiWorld, examplePlan, newApiWorld, TOKEN } from '../support/api-world.ts';

let world: ApiWorld;
let migrationId: string;
let mailboxId: string;

beforeEach(async () => {
  world = await newApiWorld();
  const headers = { authorization: `Bearer ${TOKEN}`, 'idempotency-key': 'key-of-the-test' };
  const created = await world.app.inject({ method: 'POST', url: '/v1/migrations', headers, payload: examplePlan });
  migrationId = created.json().id;
  const [first] = await world.migrations.pageMailboxes(migrationId, -1, 1);
  mailboxId = first?.id ?? '';
});
afterEach(() => world.app.close());

async function get(url: string, headers: Record<string, string> = {}) {
  return await world.app.inject({ method: 'GET', url, headers: { authorization: `Bearer ${TOKEN}`, ...headers } });
}

const url = () => `/v1/migrations/${migrationId}/mailboxes/${mailboxId}/report`;

const PASS = { kind: 'initial', number: 1 } as const;
const DATE = '2026-01-02T03:04:05Z';
const LOST: Deviation = {
  code: 'MESSAGE_LOST',
  targetPath: ['INBOX'],
  targetUid: 9,
  sourcePath: ['INBOX'],
  uidValidity: '7',
  uid: 2,
  sizeBytes: 1_002,
  receivedAt: DATE,
  detail: 'Its content is nowhere at the target.',
};

/** One message copied, two refused, one never tried; and the copy is not there any more. */
async function fill(): Promise<void> {
  const { ledger } = world;
  ledger.addMailbox(mailboxId);
  const lease = await ledger.takeLease(mailboxId, 'worker');
  const plan = { sourceId: 'x', sourcePath: ['=HYPERLINK("x")', 'Ümläüt'], role: null, targetPath: ['INBOX'] } as const;
  const [folder] = await ledger.recordFolders(lease, [plan]);
  const id = folder?.id ?? '';
  const entries = [1, 2, 3, 4].map((uid) => ({ uid, sizeBytes: 1_000 + uid, internalDate: DATE, flags: [] }));
  await ledger.recordCensus(lease, id, '7', PASS, entries);
  const status = { uidValidity: '7', uidNext: 5, exists: 4, highestModSeq: null };
  await ledger.recordCensusEnd(lease, id, PASS, status, { complete: true, counts: null });
  const nothing = {
    uidValidity: '7',
    fingerprint: null,
    copyFingerprint: null,
    target: null,
    flags: null,
    receivedAt: null,
  };
  await ledger.recordOutcomes(lease, id, PASS, [
    { ...nothing, uid: 1, state: 'refused', code: 'MESSAGE_TOO_LARGE', detail: '+1 MB is, "too", large\nthere' },
    { ...nothing, uid: 2, state: 'repaired', fingerprint: 'f', code: null, detail: 'Lone CR or LF became CRLF.' },
    { ...nothing, uid: 3, state: 'vanished', code: null, detail: null },
  ]);
  await ledger.recordFolderFault(lease, id, { code: 'FOLDER_REFUSED', message: 'The name is reserved.' });
  await ledger.recordDeviations(lease, [LOST]);
  await ledger.recordVerification(lease, PASS, [{ ...NO_FINDING, lost: 1 }]);
  const held = { code: 'VERIFY_FAILED', message: 'Re-reading the target found messages: 1 lost.' } as const;
  await world.migrations.recordMailboxStatus(mailboxId, 'held', held);
}

describe('the report of a mailbox', () => {
  test('says as JSON what its state is, which messages are missing, why, and what to do', async () => {
    await fill();
    const answer = await get(url());
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    const report = answer.json();
    expect(report).toMatchObject({
      mailbox: { id: mailboxId, status: 'held', heldCode: 'VERIFY_FAILED' },
      remedy: expect.stringContaining('mailbox report'),
      folders: [{ exists: 4, unfinished: 1, tally: { repaired: 1, refused: 1, vanished: 1, lost: 1 } }],
      verification: [{ targetPath: ['INBOX'], lost: 1, misfiled: 0 }],
    });
    expect(report.folders[0].fault).toMatchObject({ code: 'FOLDER_REFUSED', remedy: expect.stringContaining('map') });
    const exceptions = report.exceptions.map((each: LedgerException & { remedy: string }) => {
      expect(each).toMatchObject({ uidValidity: '7', internalDate: DATE, sizeBytes: 1_000 + each.uid });
      return [each.uid, each.state, each.code, each.remedy];
    });
    expect(exceptions).toEqual([
      [1, 'refused', 'MESSAGE_TOO_LARGE', expect.stringContaining('Raise the size limit')],
      [3, 'vanished', null, expect.stringContaining('gone from the source')],
      [4, 'planned', null, expect.stringContaining('next attempt')],
    ]);
    expect(report.deviations).toEqual([{ ...LOST, remedy: expect.stringContaining('Ask the owner') }]);
    expect(report.notes).toMatchObject([{ uid: 2, state: 'repaired', detail: 'Lone CR or LF became CRLF.' }]);
    expect((await get(`/v1/mailboxes/${mailboxId}/report`)).json()).toEqual(report);
  });

  test.each([
    ['?format=csv', {}],
    ['', { accept: 'text/csv' }],
  ])('is CSV that a spreadsheet takes for text (%s %j)', async (query, headers) => {
    await fill();
    const answer = await get(url() + query, headers);
    expect(answer.headers['content-type']).toBe('text/csv; charset=utf-8');
    expect(answer.headers['content-disposition']).toBe(`attachment; filename="${mailboxId}.csv"`);
    const lines = answer.body.split('\r\n');
    expect(lines).toHaveLength(1 + 1 + 1 + 3 + 1 + 1 + 1);
    expect(lines[0]).toBe(
      '\uFEFFabout,source folder,uid,uidvalidity,target folder,target uid,received,bytes,state,code,detail,remedy',
    );
    expect(lines[1]).toMatch(
      /^mailbox,,,,,,,,held,VERIFY_FAILED,Re-reading the target found messages: 1 lost\.,"Open the/,
    );
    const folder = `"'=HYPERLINK(""x"")/Ümläüt"`;
    expect(lines[2]).toContain(`folder,${folder},,,INBOX,,,,,FOLDER_REFUSED,"4 at the source, 1 repaired, 1 vanished`);
    expect(lines[3]).toContain(
      `message,${folder},1,7,,,${DATE},1001,refused,MESSAGE_TOO_LARGE,"'+1 MB is, ""too"", large\nthere","Raise`,
    );
    expect(lines[6]).toContain(`message,INBOX,2,7,INBOX,9,${DATE},1002,delivered,MESSAGE_LOST,Its content`);
    expect(lines[7]).toBe(`note,${folder},2,7,,,${DATE},1002,repaired,,Lone CR or LF became CRLF.,`);
    expect(lines[8]).toBe('');
  });

  test('is empty lists where there is nothing to say, and 404 for another migration', async () => {
    expect((await get(url())).json()).toMatchObject({
      remedy: null,
      folders: [],
      exceptions: [],
      deviations: [],
      notes: [],
    });
    expect((await get(url().replace(migrationId, 'mig_other'))).json()).toMatchObject({ code: 'NOT_FOUND' });
    expect((await get(url().replace(mailboxId, 'mbx_none'))).statusCode).toBe(404);
  });

  test('of 100,000 messages is streamed', async () => {
    const COUNT = 100_000;
    let read = 0;
    const facts = { sourcePath: ['INBOX'], uidValidity: '7', sizeBytes: 1_000, internalDate: DATE };
    const row = { ...facts, state: 'refused', code: 'MESSAGE_REFUSED', detail: 'no' } as const;
    world.ledger.listExceptions = async function* () {
      for (; read < COUNT; read += 1) yield { ...row, uid: read + 1 };
    };
    const base = await world.app.listen({ host: '127.0.0.1', port: 0 });
    const answer = await fetch(`${base}${url()}?format=csv`, { headers: { authorization: `Bearer ${TOKEN}` } });
    const reader = answer.body?.getReader();
    let bytes = (await reader?.read())?.value?.length ?? 0;
    // Whoever reads slowly is not read ahead for: what is under way are a few buffers.
    expect(read).toBeLessThan(COUNT / 2);
    for (let piece = await reader?.read(); piece?.done === false; piece = await reader?.read())
      bytes += piece.value.length;
    expect(read).toBe(COUNT);
    expect(bytes).toBeGreaterThan(COUNT * 100);
  });
});

describe('the command', () => {
  async function run(base: string, ...args: string[]) {
    let out = '';
    const code = await runCli(['mailbox', 'report', mailboxId, ...args], {
      env: { MAILFERRY_API_URL: base, MAILFERRY_TOKEN: TOKEN, MAILFERRY_HOME: '/nonexistent' },
      out: (text) => {
        out += text;
      },
      err: (text) => {
        out += text;
      },
      isTerminal: false,
      width: null,
      signal: new AbortController().signal,
    });
    return { code, out };
  }

  test('shows state, folders and messages, each code with its remedy once, and ends with 8 when something is lost', async () => {
    await fill();
    const tally = { ...(await world.ledger.tallyFolders(mailboxId))[0]?.tally };
    const view = await world.migrations.getMailboxView(mailboxId);
    Object.assign(view.tally, tally);
    const { code, out } = await run(await world.app.listen({ host: '127.0.0.1', port: 0 }));
    expect(code).toBe(8);
    expect(out).toContain(
      `(${mailboxId}) is held.\nVERIFY_FAILED: Re-reading the target found messages: 1 lost.\nWhat to do: Open`,
    );
    expect(out).toContain('could not be copied: The name is reserved. (FOLDER_REFUSED) Map the folder');
    expect(out).toMatch(/=HYPERLINK\("x"\)\/Ümläüt +1 +7 +2026-01-02T03:04:05Z +1001 +refused +MESSAGE_TOO_LARGE/);
    expect(out).toMatch(/INBOX +9 +INBOX +2 +7 +2026-01-02T03:04:05Z +1002 +MESSAGE_LOST +Its content is nowhere/);
    expect(out).toContain('  MESSAGE_LOST: Ask the owner');
    expect(out).toContain('  planned: Nothing; it has not had its turn');
  });

  test('gives CSV with its mark, and JSON', async () => {
    const base = await world.app.listen({ host: '127.0.0.1', port: 0 });
    expect((await run(base, '--csv')).out).toMatch(/^\uFEFFabout,source folder/);
    expect(JSON.parse((await run(base, '--json')).out)).toMatchObject({ mailbox: { id: mailboxId } });
    mailboxId = 'mbx_none';
    expect((await run(base)).code).toBe(3);
  });
});
