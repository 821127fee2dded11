import { afterEach, describe, expect, test } from 'vitest';
import type { CopyFromMemory } from '../support/copy-from-memory.ts';
import { EwsWorld } from '../support/ews-world.ts';
import { ExchangeLab } from '../support/exchange-imap.ts';
import { DELTA } from '../support/memory-world.ts';

/** T70: nothing leaves the tenant, neither while mail is copied nor when its owner reads it for the first time. */

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const ASKS = 'Disposition-Notification-To: Ben <ben@example.test>';

function letter(subject: string): string {
  const head = [`Subject: ${subject}`, 'From: ben@example.test', ASKS, 'Date: Thu, 01 Jan 2026 09:00:00 +0000'];
  return `${head.join('\r\n')}\r\n\r\nHello, ${subject}.\r\n`;
}

const ROUTES: readonly [string, () => Promise<EwsWorld | ExchangeLab>][] = [
  ['EWS', () => EwsWorld.start()],
  ['IMAP', () => ExchangeLab.start()],
];

async function start(open: () => Promise<EwsWorld | ExchangeLab>) {
  const lab = await open();
  closers.push(() => lab.close());
  const { account, tenant } = lab;
  const read = (): void => {
    for (const { uid, flags } of account.inbox.messages) account.inbox.setFlags(uid, new Set([...flags, '\\Seen']));
  };
  return { lab: lab as CopyFromMemory, account, outgoing: tenant.outgoing, read };
}

describe.each(ROUTES)('T70: by %s', (_route, open) => {
  test('unseen mail that asks for a receipt is disarmed and told, and none goes out when it is read', async () => {
    const { lab, account, outgoing, read } = await start(open);
    lab.source.addMessage(['INBOX'], letter('unseen'));
    lab.source.addMessage(['INBOX'], `${letter('long')}${'x'.repeat(12_000)}\r\n`);
    const report = await lab.copy();
    expect(report.copied + report.repaired).toBe(2);
    expect(report.repaired).toBe(2);
    expect(outgoing.list).toEqual([]);
    const texts = account.inbox.messages.map(({ raw }) => raw.toString('latin1'));
    expect(texts.every((text) => text.includes(`X-Original-${ASKS}`))).toBe(true);
    expect(await lab.verify()).toMatchObject({ faults: 0 });
    expect(await lab.copy({}, DELTA)).toMatchObject({ moved: 0, reflagged: 0 });
    read();
    expect(outgoing.list).toEqual([]);
  });

  test('mail that was read at the source stays as it is, byte for byte', async () => {
    const { lab, account, outgoing } = await start(open);
    lab.source.addMessage(['INBOX'], letter('seen'), ['\\Seen']);
    expect(await lab.copy()).toMatchObject({ copied: 1, repaired: 0 });
    expect(account.inbox.messages[0]?.raw.toString('latin1')).toBe(letter('seen'));
    expect(outgoing.list).toEqual([]);
  });

  test('what becomes read at the source is read at the target in the next pass, without a receipt', async () => {
    const { lab, account, outgoing } = await start(open);
    lab.source.addMessage(['INBOX'], letter('later'));
    await lab.copy();
    lab.source.setFlags(['INBOX'], 1, ['\\Seen']);
    expect(await lab.copy({}, DELTA)).toMatchObject({ reflagged: 1 });
    expect(account.inbox.messages[0]?.flags.has('\\Seen')).toBe(true);
    expect(outgoing.list).toEqual([]);
  });
});

test('the simulated tenant would answer one that is not disarmed', async () => {
  const { account, outgoing, read } = await start(() => ExchangeLab.start());
  account.inbox.append({ raw: Buffer.from(letter('armed')) });
  read();
  expect(outgoing.list).toMatchObject([{ why: 'read receipt' }]);
});

test('the record of the message says what was changed and why, with the digests', async () => {
  const { lab } = await start(() => ExchangeLab.start());
  lab.source.addMessage(['INBOX'], letter('told'));
  const details: (string | null)[] = [];
  const record = lab.ledger.recordOutcomes.bind(lab.ledger);
  lab.ledger.recordOutcomes = async (lease, folderId, pass, outcomes) => {
    details.push(...outcomes.map(({ detail }) => detail));
    return await record(lease, folderId, pass, outcomes);
  };
  await lab.copy();
  expect(details).toEqual([expect.stringMatching(/request for a read receipt.*SHA-256 before \w{64}, after \w{64}/)]);
});
