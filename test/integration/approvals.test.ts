import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createAccessStore } from '../../adapters/ledger/access-store.ts';
import { createApprovalStore } from '../../adapters/ledger/approval-store.ts';
import { openDatabase } from '../../adapters/ledger/database.ts';
import { createMigrationStore } from '../../adapters/ledger/migration-store.ts';
import { createOutbox } from '../../adapters/ledger/outbox.ts';
import { collect } from '../../domain/collect.ts';
import type { ApprovalStore, Json, Outbox, OutboxEntry, StoredLink } from '../../domain/ports/store.ts';
import type { GateId } from '../../domain/steps.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { testPlan } from '../support/plans.ts';

type Mail = Extract<OutboxEntry, { kind: 'mail' }>['mail'];

const PUBLIC_URL = 'https://move.example.test/';
const EVIDENCE: Json = { mailboxes: 2, names: ['änna', 'bert'], moved: 1.5 };

let database: TestDatabase;
let store: ApprovalStore;
let outbox: Outbox;
let migrationId: string;
let made = 0;

beforeAll(async () => {
  database = await testDatabase();
  store = createApprovalStore(database.db);
  outbox = createOutbox(database.db);
});
afterAll(async () => {
  await database?.drop();
});
beforeEach(async () => {
  made++;
  migrationId = `mig_${made}`;
  await createMigrationStore(database.db).createMigration({
    id: migrationId,
    plan: testPlan(),
    mailboxes: [],
    createdBy: 'op_1',
  });
  await sql`delete from outbox`.execute(database.db);
});

async function open(gate: GateId = 'accounts', evidence: Json = EVIDENCE) {
  return await store.openGate({ migrationId, gate, evidence, publicUrl: PUBLIC_URL });
}

/** Plays the mail server: takes what is due. */
async function receive(): Promise<OutboxEntry[]> {
  const received: OutboxEntry[] = [];
  for (;;) {
    const due = await outbox.takeDue(50, 60_000);
    if (due.length === 0) return received;
    for (const entry of due) await outbox.recordDelivered(entry.id);
    received.push(...due);
  }
}

async function receiveMails(): Promise<Mail[]> {
  return (await receive()).flatMap((entry) => (entry.kind === 'mail' ? [entry.mail] : []));
}

async function linkOf(mails: readonly Mail[], to: string): Promise<StoredLink> {
  const mail = mails.find((one) => one.to === to);
  const token = /\/portal\/#([\w-]+)/.exec(mail?.text ?? '')?.[1] ?? '';
  const link = await store.findLink(token);
  if (link === null) throw new Error(`no link for ${to}`);
  return link;
}

async function codeFor(link: StoredLink): Promise<string> {
  await store.recordChallenge(link.id);
  const code = /\b\d{6}\b/.exec((await receiveMails())[0]?.text ?? '')?.[0];
  if (code === undefined) throw new Error('no code came');
  return code;
}

function wrongFor(code: string): string {
  return String((Number(code) + 1) % 1_000_000).padStart(6, '0');
}

describe('a gate', () => {
  test('freezes the evidence under the digest of its canonical JSON', async () => {
    const opened = await open();
    const canonical = '{"mailboxes":2,"moved":1.5,"names":["änna","bert"]}';
    expect(opened).toMatchObject({ revision: 1, opened: true });
    expect(opened.digest).toBe(createHash('sha256').update(canonical).digest('hex'));
    expect(await store.getGate(opened.gateId)).toMatchObject({ evidence: EVIDENCE, state: 'open', decisions: [] });
  });

  test('opens once for the same evidence, whatever the order of its keys', async () => {
    const same: Json = { moved: 1.5, names: ['änna', 'bert'], mailboxes: 2 };
    const answers = await Promise.all([open(), open('accounts', same), open(), open('accounts', same)]);
    expect(answers.filter((answer) => answer.opened)).toHaveLength(1);
    expect(new Set(answers.map((answer) => answer.gateId)).size).toBe(1);
    expect(await receiveMails()).toHaveLength(2);
  });

  test('is superseded by other evidence, and its links end', async () => {
    const first = await open();
    const link = await linkOf(await receiveMails(), 'office@example.org');
    const code = await codeFor(link);
    const second = await open('accounts', { mailboxes: 3 });
    expect(second).toMatchObject({ revision: 2, opened: true });
    expect((await collect(store.listGates(migrationId))).map((gate) => gate.state)).toEqual(['superseded', 'open']);
    expect((await linkOf(await receiveMails(), 'office@example.org')).gateId).toBe(second.gateId);
    const late = {
      linkId: link.id,
      code,
      verdict: 'approve',
      digest: first.digest,
      comment: '',
      requestId: 'r',
    } as const;
    await expect(store.recordContactDecision(late)).rejects.toMatchObject({ code: 'GATE_NOT_OPEN' });
    await expect(store.recordChallenge(link.id)).rejects.toMatchObject({ code: 'GATE_NOT_OPEN' });
  });

  test('is opened anew with the same evidence after a rejection', async () => {
    const first = await open();
    await store.settleGate(first.gateId, 'rejected');
    await store.settleGate(first.gateId, 'rejected');
    await expect(store.settleGate(first.gateId, 'approved')).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await open()).toMatchObject({ revision: 2, opened: true, digest: first.digest });
  });
});

describe('the mails', () => {
  test('ask each contact of the client, and nobody else, and say until when', async () => {
    await open('cutover');
    const mails = await receiveMails();
    expect(mails.map((mail) => mail.to).sort()).toEqual(['office@example.org', 'owner@example.org']);
    for (const mail of mails) {
      expect(mail.subject).toBe('Bäckerei Example: please approve the switch to the new mail system');
      expect(mail.text).toMatch(/https:\/\/move\.example\.test\/portal\/#[\w-]{43}\n/);
      expect(mail.text).toMatch(/until \w+, \d+ \w+ \d{4} at \d\d:\d\d \(Europe\/Berlin\)/);
      expect(mail.text).toContain('no need to reply');
    }
  });

  test('hold the code alone in the second one, which goes to the other channel', async () => {
    await open();
    const link = await linkOf(await receiveMails(), 'office@example.org');
    await store.recordChallenge(link.id);
    const [mail] = await receiveMails();
    expect(mail?.to).toBe('codes@example.net');
    expect(mail?.subject).toBe('Bäckerei Example: your code for "please check the new mailboxes"');
    expect(mail?.text).toMatch(/^Your code: \d{6}\n/);
    expect(mail?.text).not.toMatch(/https?:|#/);
  });

  test('leave neither token nor code in the database once they are sent', async () => {
    await open();
    const mails = await receiveMails();
    const token = /#([\w-]{43})/.exec(mails[0]?.text ?? '')?.[1] ?? 'no token';
    const code = await codeFor(await linkOf(mails, 'office@example.org'));
    const tables = ['links', 'challenges', 'outbox', 'audit', 'gates', 'decisions'];
    for (const table of tables) {
      const { rows } = await sql<{ row: string }>`
        select row_to_json(t)::text as row from ${sql.table(table)} as t`.execute(database.db);
      const text = rows.map(({ row }) => row).join('\n');
      expect(text).not.toContain(token);
      expect(text).not.toMatch(new RegExp(`(?<![\\da-f.])${code}(?![\\da-f])`));
    }
  });

  test('of a reminder carry new links, end the old ones, and spare who has decided', async () => {
    const gate = await open('completion');
    const mails = await receiveMails();
    const office = await linkOf(mails, 'office@example.org');
    const owner = await linkOf(mails, 'owner@example.org');
    const code = await codeFor(owner);
    const decision = {
      linkId: owner.id,
      code,
      verdict: 'approve',
      digest: gate.digest,
      comment: '',
      requestId: 'r',
    } as const;
    await store.recordContactDecision(decision);
    await receive();
    await store.remind({ migrationId, gateId: gate.gateId, step: null, publicUrl: PUBLIC_URL });
    const reminders = await receiveMails();
    expect(reminders.map((mail) => mail.to)).toEqual(['office@example.org']);
    expect(reminders[0]?.subject).toMatch(/^Reminder: /);
    await expect(store.recordChallenge(office.id)).rejects.toMatchObject({ code: 'GATE_NOT_OPEN' });
    expect(await linkOf(reminders, 'office@example.org')).toMatchObject({ state: 'live', gateId: gate.gateId });
    await store.settleGate(gate.gateId, 'approved');
    await store.remind({ migrationId, gateId: gate.gateId, step: null, publicUrl: PUBLIC_URL });
    expect(await receiveMails()).toEqual([]);
  });
});

describe('a decision by a contact', () => {
  let gate: Awaited<ReturnType<typeof open>>;
  let link: StoredLink;
  let code: string;
  const decide = (
    change: { verdict?: 'approve' | 'reject'; digest?: string; code?: string; requestId?: string } = {},
  ) =>
    store.recordContactDecision({
      linkId: link.id,
      code,
      verdict: 'approve',
      digest: gate.digest,
      comment: 'It is all there.',
      requestId: 'request-1',
      ...change,
    });

  beforeEach(async () => {
    gate = await open();
    link = await linkOf(await receiveMails(), 'office@example.org');
    code = await codeFor(link);
  });

  test('replayed twenty times in parallel is one row, one signal and equal receipts (A3)', async () => {
    const receipts = await Promise.all(Array.from({ length: 20 }, () => decide()));
    expect(new Set(receipts.map((receipt) => JSON.stringify(receipt))).size).toBe(1);
    expect((await store.getGate(gate.gateId)).decisions).toEqual([receipts[0]]);
    const signals = (await receive()).filter((entry) => entry.kind === 'signal');
    expect(signals).toMatchObject([
      {
        migrationId,
        signal: 'decision',
        payload: {
          decisionId: receipts[0]?.id,
          gate: 'accounts',
          gateId: gate.gateId,
          step: null,
          digest: gate.digest,
          party: 'client',
          personId: 'office',
          verdict: 'approve',
        },
      },
    ]);
    const audit = await collect(store.listAudit(migrationId));
    expect(audit.filter((row) => row.action === 'decision.approve')).toHaveLength(1);
    expect(await store.findDecision(receipts[0]?.id ?? '')).toEqual(receipts[0]);
    expect(await store.findDecision('dec_forged')).toBeNull();
    expect((await linkState(link)).state).toBe('used');
  });

  test('is refused when the same person has decided otherwise (A4)', async () => {
    await decide();
    await expect(decide({ verdict: 'reject' })).rejects.toMatchObject({ code: 'CONFLICT' });
    expect((await store.getGate(gate.gateId)).decisions).toMatchObject([{ verdict: 'approve' }]);
  });

  test('of both kinds at the same moment leaves one', async () => {
    const both = await Promise.allSettled([decide(), decide({ verdict: 'reject' })]);
    expect(both.map((result) => result.status).sort()).toEqual(['fulfilled', 'rejected']);
    expect((await store.getGate(gate.gateId)).decisions).toHaveLength(1);
  });

  test('about other evidence than that of the gate is refused (A5)', async () => {
    await expect(decide({ digest: '0'.repeat(64) })).rejects.toMatchObject({ code: 'EVIDENCE_CHANGED' });
    expect((await store.getGate(gate.gateId)).decisions).toEqual([]);
    await decide();
  });

  test('needs a code that was asked for', async () => {
    await sql`delete from challenges`.execute(database.db);
    await expect(decide()).rejects.toMatchObject({ code: 'CODE_EXPIRED' });
  });

  test('is locked after five wrong codes, also when they come at the same moment, until a new one is asked for', async () => {
    const guesses = await Promise.allSettled(Array.from({ length: 8 }, () => decide({ code: wrongFor(code) })));
    const codes = guesses.map((guess) => (guess.status === 'rejected' ? guess.reason.code : 'none')).sort();
    expect(codes).toEqual([...Array(3).fill('CODE_EXPIRED'), ...Array(5).fill('CODE_WRONG')]);
    await expect(decide()).rejects.toMatchObject({ code: 'CODE_EXPIRED' });
    const refusals = (await collect(store.listAudit(migrationId))).filter((row) => row.action === 'code.refused');
    expect(refusals).toHaveLength(9);
    code = await codeFor(link);
    await decide();
  });

  test('takes only the newest code', async () => {
    const old = code;
    code = await codeFor(link);
    if (old !== code) await expect(decide({ code: old })).rejects.toMatchObject({ code: 'CODE_WRONG' });
    await decide();
  });

  test('is refused with a code whose time is over by the clock of the database', async () => {
    await sql`update challenges set expires_at = now() - interval '1 second'`.execute(database.db);
    await expect(decide()).rejects.toMatchObject({ code: 'CODE_EXPIRED' });
  });

  test('is refused with a link whose time is over', async () => {
    await sql`update links set expires_at = now() - interval '1 second' where id = ${link.id}`.execute(database.db);
    await expect(decide()).rejects.toMatchObject({ code: 'GATE_NOT_OPEN' });
    expect((await linkState(link)).state).toBe('revoked');
  });

  test('gets at most five codes an hour, and hears when there will be more', async () => {
    for (let n = 1; n < 5; n++) await store.recordChallenge(link.id);
    const refusal = await store.recordChallenge(link.id).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'RATE_LIMITED' });
    const { retryAfterMs } = refusal as { retryAfterMs: number };
    expect(retryAfterMs).toBeGreaterThan(3_500_000);
    expect(retryAfterMs).toBeLessThanOrEqual(3_600_000);
    await sql`update challenges set made_at = made_at - interval '61 minutes' where link_id = ${link.id}`.execute(
      database.db,
    );
    await store.recordChallenge(link.id);
  });

  test('that fails leaves no row, no signal and no audit row behind', async () => {
    await sql`alter table outbox add constraint no_signals check (kind <> 'signal')`.execute(database.db);
    await expect(decide()).rejects.toThrow('no_signals');
    await sql`alter table outbox drop constraint no_signals`.execute(database.db);
    expect((await store.getGate(gate.gateId)).decisions).toEqual([]);
    expect((await collect(store.listAudit(migrationId))).some((row) => row.action.startsWith('decision'))).toBe(false);
    await decide();
  });

  test('is refused when it acknowledges what has to be approved', async () => {
    const wrong = { linkId: link.id, code, verdict: 'acknowledge', digest: null, comment: '', requestId: 'r' } as const;
    await expect(store.recordContactDecision(wrong)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  });

  async function linkState({ id }: StoredLink) {
    const { rows } = await sql<{ state: string; expired: boolean }>`
      select state, expires_at <= now() as expired from links where id = ${id}`.execute(database.db);
    return { state: rows[0]?.expired ? 'revoked' : rows[0]?.state };
  }
});

describe('a decision by an operator', () => {
  test('stands beside that of the client, once per person', async () => {
    const gate = await open('cutover');
    const input = {
      gateId: gate.gateId,
      operatorId: 'op_1',
      verdict: 'approve',
      digest: gate.digest,
      comment: '',
      requestId: 'r',
    } as const;
    const receipts = await Promise.all(Array.from({ length: 10 }, () => store.recordOperatorDecision(input)));
    expect(new Set(receipts.map((receipt) => receipt.id)).size).toBe(1);
    await expect(store.recordOperatorDecision({ ...input, verdict: 'reject' })).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    await expect(store.recordOperatorDecision({ ...input, operatorId: 'op_2', digest: 'other' })).rejects.toMatchObject(
      { code: 'EVIDENCE_CHANGED' },
    );
    expect((await receive()).filter((entry) => entry.kind === 'signal')).toHaveLength(1);
    expect((await store.getGate(gate.gateId)).decisions).toMatchObject([{ party: 'operator', personId: 'op_1' }]);
  });

  test('cannot take the chair of the client, nor a second chair of one person', async () => {
    const accounts = await open('accounts');
    const input = { operatorId: 'op_1', verdict: 'approve', comment: '', requestId: 'r' } as const;
    await expect(
      store.recordOperatorDecision({ ...input, gateId: accounts.gateId, digest: accounts.digest }),
    ).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await receive();
    const cutover = await open('cutover');
    const link = await linkOf(await receiveMails(), 'owner@example.org');
    const code = await codeFor(link);
    const contact = {
      linkId: link.id,
      code,
      verdict: 'approve',
      digest: cutover.digest,
      comment: '',
      requestId: 'r',
    } as const;
    await store.recordContactDecision(contact);
    await expect(
      store.recordOperatorDecision({ ...input, operatorId: 'owner', gateId: cutover.gateId, digest: cutover.digest }),
    ).rejects.toMatchObject({ code: 'CONFLICT' });
  });
});

describe('an acknowledgement', () => {
  test('is asked for once, and counts once per request and person', async () => {
    const request = { migrationId, step: 'B2', text: 'Contacts do not move.', publicUrl: PUBLIC_URL } as const;
    await Promise.all([1, 2, 3].map(() => store.requestAcknowledgement(request)));
    const mails = await receiveMails();
    expect(mails).toHaveLength(2);
    expect(mails[0]?.text).toContain('Contacts do not move.');
    const link = await linkOf(mails, 'office@example.org');
    expect(link).toMatchObject({ step: 'B2', gateId: null });
    const code = await codeFor(link);
    const input = { linkId: link.id, code, verdict: 'acknowledge', digest: null, comment: '', requestId: 'r' } as const;
    const receipts = await Promise.all(Array.from({ length: 5 }, () => store.recordContactDecision(input)));
    expect(new Set(receipts.map((receipt) => receipt.id)).size).toBe(1);
    expect(receipts[0]).toMatchObject({ step: 'B2', gateId: null, digest: null, verdict: 'acknowledge' });
    const signals = (await receive()).filter((entry) => entry.kind === 'signal');
    expect(signals).toMatchObject([{ payload: { step: 'B2', gate: null, verdict: 'acknowledge' } }]);
    await store.remind({ migrationId, gateId: null, step: 'B2', publicUrl: PUBLIC_URL });
    expect(await receiveMails()).toEqual([]);
    await store.requestAcknowledgement(request);
    expect(await receiveMails()).toHaveLength(2);
  });
});

describe('the audit trail', () => {
  const damages = {
    'a byte of the details': sql`update audit set details = replace(details, '2', '3') where number = 2`,
    'the actor': sql`update audit set actor = 'somebody' where number = 2`,
    'the time': sql`update audit set at = replace(at, 'Z', 'z') where number = 2`,
    'the hash': sql`update audit set hash = reverse(hash) where number = 2`,
  };
  const audit = (n: number) => store.recordAudit({ migrationId, actor: 'op_1', action: 'test', details: { n } });

  beforeEach(async () => {
    await sql`delete from audit`.execute(database.db);
    await Promise.all([1, 2, 3, 4].map(() => audit(2)));
  });

  test('is one chain, also when rows come at the same moment', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, n) => audit(n)));
    expect(await store.findAuditBreak()).toBeNull();
    const rows = await collect(store.listAudit(migrationId));
    expect(rows.map((row) => row.id)).toEqual(Array.from({ length: 24 }, (_, n) => `aud_${n + 1}`));
    expect(rows[0]).toMatchObject({ actor: 'op_1', action: 'test', details: { n: 2 } });
  });

  test.each(Object.entries(damages))('names the row in which %s was changed', async (_what, damage) => {
    await damage.execute(database.db);
    expect(await store.findAuditBreak()).toBe('aud_2');
  });

  test('names the row after one that was taken out', async () => {
    await sql`delete from audit where number = 2`.execute(database.db);
    expect(await store.findAuditBreak()).toBe('aud_3');
  });
});

describe('the outbox', () => {
  /** Both client contacts decide, so that two signals wait for one workflow. */
  async function twoSignals(): Promise<void> {
    const gate = await open();
    const mails = await receiveMails();
    const asked: { linkId: string; code: string }[] = [];
    for (const to of ['office@example.org', 'owner@example.org']) {
      const link = await linkOf(mails, to);
      asked.push({ linkId: link.id, code: await codeFor(link) });
    }
    for (const one of asked) {
      const decision = { ...one, verdict: 'approve', digest: gate.digest, comment: '', requestId: 'r' } as const;
      await store.recordContactDecision(decision);
    }
  }
  const person = (entries: readonly OutboxEntry[]) =>
    entries.map((entry) => (entry.kind === 'signal' ? entry.payload.personId : entry.mail.to));

  test('gives an entry to one relay at a time', async () => {
    await open();
    const relays = await Promise.all(Array.from({ length: 10 }, () => outbox.takeDue(10, 60_000)));
    expect(relays.flat()).toHaveLength(2);
    expect(await outbox.takeDue(10, 60_000)).toEqual([]);
  });

  test('does not wait for a relay that is just taking entries, and does not take them too', async () => {
    await open();
    const impatient = openDatabase(database.url, { statementTimeoutMs: 2_000 });
    await database.db.transaction().execute(async (trx) => {
      expect(await createOutbox(trx).takeDue(1, 60_000)).toHaveLength(1);
      expect(await createOutbox(impatient).takeDue(10, 60_000)).toHaveLength(1);
    });
    await impatient.destroy();
  });

  test('gives an entry again when the relay that had it does not come back', async () => {
    await open();
    const taken = await outbox.takeDue(10, 1);
    await expect.poll(async () => (await outbox.takeDue(10, 60_000)).length).toBe(taken.length);
  });

  test('keeps the signals of one workflow in order, also when the first has to be tried again', async () => {
    await twoSignals();
    const [first] = await outbox.takeDue(10, 60_000);
    expect(person(first === undefined ? [] : [first])).toEqual(['office']);
    expect(await outbox.takeDue(10, 60_000)).toEqual([]);
    await outbox.recordAttempt(first?.id ?? '', 'Temporal is away', 0);
    expect(person(await outbox.takeDue(10, 60_000))).toEqual(['office']);
    await outbox.recordDelivered(first?.id ?? '');
    expect(person(await outbox.takeDue(10, 60_000))).toEqual(['owner']);
  });

  test('goes on behind a signal that was given up', async () => {
    await twoSignals();
    const [first] = await outbox.takeDue(10, 60_000);
    await outbox.recordDead(first?.id ?? '', 'the workflow has ended');
    expect(person(await outbox.takeDue(10, 60_000))).toEqual(['owner']);
    const { rows } = await sql`
      select last_error, state, payload from outbox where id = ${first?.id}`.execute(database.db);
    expect(rows).toEqual([{ last_error: 'the workflow has ended', state: 'dead', payload: null }]);
  });

  test('waits as long as an attempt asked for', async () => {
    await open();
    for (const entry of await outbox.takeDue(10, 60_000)) await outbox.recordAttempt(entry.id, 'greylisted', 3_600_000);
    expect(await outbox.takeDue(10, 60_000)).toEqual([]);
  });
});

describe('access', () => {
  test('knows the first operator by the token, and makes one only', async () => {
    const access = createAccessStore(database.db);
    const made = await Promise.all(
      ['one', 'two', 'three'].map((token) => access.ensureFirstOperator('Operator', token)),
    );
    expect(made.filter(Boolean)).toHaveLength(1);
    const token = ['one', 'two', 'three'][made.indexOf(true)] ?? '';
    expect(await access.findOperator(token)).toMatchObject({ name: 'Operator' });
    expect(await access.findOperator(`${token}x`)).toBeNull();
  });

  test('remembers the answer of a request by its key', async () => {
    const access = createAccessStore(database.db);
    const begun = await Promise.allSettled([access.beginRequest('k1', 'a'), access.beginRequest('k1', 'a')]);
    expect(begun.map((result) => result.status).sort()).toEqual(['fulfilled', 'rejected']);
    await expect(access.beginRequest('k1', 'a')).rejects.toMatchObject({ code: 'CONFLICT' });
    await access.endRequest('k1', { status: 202, body: { id: 'mig_1' } });
    expect(await access.beginRequest('k1', 'a')).toEqual({ status: 202, body: { id: 'mig_1' } });
    await expect(access.beginRequest('k1', 'b')).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
  });

  test('lets a key be used again after a failure, or when its process died', async () => {
    const access = createAccessStore(database.db);
    expect(await access.beginRequest('k2', 'a')).toBeNull();
    await access.forgetRequest('k2');
    expect(await access.beginRequest('k2', 'b')).toBeNull();
    await sql`update requests set begun_at = now() - interval '1 hour' where key = 'k2'`.execute(database.db);
    expect(await access.beginRequest('k2', 'b')).toBeNull();
  });
});
