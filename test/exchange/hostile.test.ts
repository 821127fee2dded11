/** What broke other tools, by every way into the simulated tenant. */
import { afterEach, describe, expect, test } from 'vitest';
import { collect } from '../../domain/collect.ts';
import { MigrationError } from '../../domain/errors.ts';
import type { Tally } from '../../domain/mail.ts';
import type { LedgerException } from '../../domain/ports/ledger.ts';
import type { MailSource } from '../../domain/ports/mail.ts';
import { ROUTES } from '../../domain/routes.ts';
import { isFlagged } from '../../lab/exchange/mail/items.ts';
import { contentDigestOf, isCopyOf } from '../../lab/mail/content-digest.ts';
import { DELTA } from '../support/memory-world.ts';
import { type RouteWorld, startRouteWorld, verifyRoute } from '../support/route-worlds.ts';

const open: RouteWorld[] = [];
afterEach(async () => {
  for (const world of open.splice(0)) await world.close();
});

const DATE = '2014-03-01T10:11:12Z';
const HEAD = 'From: ann@example.test\r\nTo: ben@example.test\r\nDate: Sat, 1 Mar 2014 10:11:10 +0000\r\n';

function letter(subject: string, body = subject): string {
  return `${HEAD}Message-ID: <${subject}@example.test>\r\nSubject: ${subject}\r\n\r\n${body}\r\n`;
}

interface Copy {
  readonly raw: Buffer;
  readonly internalDate: string | null;
  readonly flags: readonly string[];
}

/** INBOX as the route itself shows it. */
async function inboxOf(world: RouteWorld): Promise<readonly Copy[]> {
  const target = await world.open();
  try {
    const inbox = (await collect(target.listFolders())).find(({ role }) => role === 'inbox');
    if (inbox === undefined) throw new Error('the mailbox has no INBOX');
    const copies: Copy[] = [];
    for await (const { raw, internalDate, flags } of target.listMessages(inbox, 1)) {
      copies.push({ raw: Buffer.from(raw), internalDate, flags });
    }
    return copies;
  } finally {
    await target.close();
  }
}

async function saysTheSame(world: RouteWorld, originals: readonly string[]): Promise<boolean> {
  const copies = await Promise.all((await inboxOf(world)).map(({ raw }) => contentDigestOf(raw)));
  for (const original of originals) {
    const digest = await contentDigestOf(Buffer.from(original, 'latin1'));
    const at = copies.findIndex((copy) => isCopyOf(copy, digest));
    if (at < 0) return false;
    copies.splice(at, 1);
  }
  return copies.length === 0;
}

async function exceptionsOf(world: RouteWorld): Promise<readonly LedgerException[]> {
  return await collect(world.ledger.listExceptions('mbx-1'));
}

async function tallyOf(world: RouteWorld): Promise<Tally> {
  const [folder] = await world.ledger.tallyFolders('mbx-1');
  if (folder === undefined) throw new Error('the ledger has no folder');
  return folder.tally;
}

/** A source that sends fewer octets of one message than it announced, each time. */
function cutOff(source: MailSource, damaged: number): MailSource {
  const readMessages = source.readMessages.bind(source);
  source.readMessages = async function* (folder, uidValidity, uids) {
    for await (const message of readMessages(folder, uidValidity, uids)) {
      const result = new MigrationError('MESSAGE_DAMAGED', 'It is shorter than it was announced.');
      yield message.uid === damaged ? { ...message, result } : message;
    }
  };
  return source;
}

describe.each(ROUTES)('by %s', (route) => {
  const start = async (refuses: Parameters<typeof startRouteWorld>[1] = null) => {
    const world = await startRouteWorld(route, refuses);
    open.push(world);
    return world;
  };

  test('T18, T19, T30: 8-bit headers, a line of mbox and thousands of header lines arrive, and say what they said', async () => {
    const world = await start();
    const mails = [
      `${HEAD}Subject: Gr\xfc\xdfe\r\n\r\nLatin.\r\n`,
      `From ann@example.test Sat Mar  1 10:11:12 2014\r\n${letter('mbox')}`,
      `${Array.from({ length: 3_000 }, (_, at) => `X-Line-${at}: ${at}\r\n`).join('')}${letter('long')}`,
    ];
    for (const mail of mails) world.source.addMessage(['INBOX'], Buffer.from(mail, 'latin1'), ['\\Seen'], DATE);
    expect((await world.copyUntilDone()).map(({ code }) => code)).toEqual([]);
    const [, mbox = ''] = mails;
    const asRead = mails.map((mail) => (mail === mbox ? letter('mbox') : mail));
    expect(await saysTheSame(world, asRead)).toBe(true);
    expect(await verifyRoute(world)).toMatchObject({ faults: 0 });
  });

  test('T23, T28: one message that is refused in every form is named; the others arrive, and the numbers add up', async () => {
    const poison = 'poison';
    const world = await start((raw) => {
      return raw.includes(poison) || raw.includes(Buffer.from(poison).toString('base64'))
        ? { imap: 'NO Message contains invalid header.', code: 'ErrorInvalidRequest' }
        : null;
    });
    for (const subject of ['one', poison, 'three']) world.source.addMessage(['INBOX'], letter(subject), [], DATE);
    await world.copyUntilDone();
    expect(await saysTheSame(world, [letter('one'), letter('three')])).toBe(true);
    expect(await exceptionsOf(world)).toMatchObject([{ uid: 2, state: 'refused', code: 'MESSAGE_REFUSED' }]);
    const { copied, refused } = await tallyOf(world);
    expect({ copied, refused }).toEqual({ copied: 2, refused: 1 });
  });

  test('T27: what the target takes for malware has a state of its own and is not tried in another form', async () => {
    let asked = 0;
    const world = await start((raw) => {
      if (!raw.includes('eicar')) return null;
      asked += 1;
      return { imap: 'NO Message contains a virus.', code: 'ErrorVirusDetected' };
    });
    for (const subject of ['one', 'eicar']) world.source.addMessage(['INBOX'], letter(subject), [], DATE);
    await world.copyUntilDone();
    expect(await exceptionsOf(world)).toMatchObject([{ uid: 2, state: 'refused', code: 'MALWARE_REFUSED' }]);
    expect(asked).toBe(1);
  });

  test('T26: a message that comes short from the source is told and never appended cut off', async () => {
    const world = await start();
    for (const subject of ['one', 'two']) world.source.addMessage(['INBOX'], letter(subject), [], DATE);
    await world.copy({ source: cutOff(world.source.openSource(), 2) });
    expect(await saysTheSame(world, [letter('one')])).toBe(true);
    expect(await exceptionsOf(world)).toMatchObject([{ uid: 2, state: 'refused', code: 'MESSAGE_DAMAGED' }]);
  });

  test('T31: a draft without sender, date and Message-ID stays a draft', async () => {
    const world = await start();
    world.source.addFolder(['Entw\u00fcrfe'], 'drafts');
    world.source.addMessage(['Entw\u00fcrfe'], 'Subject: later\r\n\r\nTo be said.\r\n', ['\\Draft', '\\Seen'], DATE);
    await world.copyUntilDone();
    const drafts = world.account.listFolders().find(({ role }) => role === 'drafts');
    const [draft] = drafts?.messages ?? [];
    if (draft === undefined) throw new Error('the draft has not arrived');
    // A route that has no drafts says so of each.
    const { isDraft } = world.tenant.items.of(draft);
    const notes = await collect(world.ledger.listNotes('mbx-1'));
    expect(isDraft || notes.some(({ detail }) => detail?.includes('\\Draft'))).toBe(true);
    if (route !== 'import-mime') expect(isDraft).toBe(true);
    expect(await verifyRoute(world)).toMatchObject({ faults: 0 });
  });

  test('T36, T69: a second pass brings nothing and writes nothing, whatever the target made of the messages', async () => {
    const world = await start();
    const html = `${HEAD}Subject: html\r\nContent-Type: text/html\r\n\r\n<p>x</p>\r\n`;
    for (const mail of [letter('one'), html, letter('twin'), letter('twin')])
      world.source.addMessage(['INBOX'], mail, ['\\Seen', '\\Flagged', '$MDNSent', 'Wichtig'], DATE);
    await world.copyUntilDone();
    const before = world.tenant.calls.length;
    expect(await world.copy({}, DELTA)).toMatchObject({ moved: 0, reflagged: 0 });
    const changing = world.tenant.calls.slice(before).filter((name) => /^(POST|PATCH|PUT|DELETE)|Item$/.test(name));
    expect(changing.filter((name) => !/token|\$batch|FindItem|GetItem/.test(name))).toEqual([]);
    expect(world.account.inbox.messages).toHaveLength(4);
  });

  test('T38: of two jobs for one mailbox the older one cannot write any more', async () => {
    const world = await start();
    for (const subject of ['one', 'two', 'three']) world.source.addMessage(['INBOX'], letter(subject), [], DATE);
    const stale = await world.ledger.takeLease('mbx-1', 'the other job');
    await world.copyUntilDone();
    await expect(world.copy({ lease: stale }, DELTA)).rejects.toMatchObject({ code: 'LEASE_LOST' });
    expect(world.account.inbox.messages).toHaveLength(3);
  });

  test('T42: half of the mail was brought by another tool: it is known by what it says, twins by their number', async () => {
    const world = await start();
    for (const subject of ['one', 'twin', 'twin', 'four'])
      world.source.addMessage(['INBOX'], letter(subject), [], DATE);
    for (const subject of ['one', 'twin'])
      world.account.inbox.append({ raw: Buffer.from(letter(subject)), internalDate: new Date(DATE) });
    await world.copyUntilDone();
    expect(world.account.inbox.messages).toHaveLength(4);
    const { copied, alreadyThere } = await tallyOf(world);
    expect({ copied, alreadyThere }).toEqual({ copied: 2, alreadyThere: 2 });
  });

  test('T64, T68: dates are the source\u2019s to the second, and the flag is seen by Outlook', async () => {
    const world = await start();
    world.source.addMessage(['INBOX'], letter('old'), ['\\Flagged', '\\Seen'], '1999-12-31T23:59:59Z');
    world.source.addMessage(['INBOX'], letter('new'), [], '2026-11-20T05:06:07Z');
    await world.copyUntilDone();
    const seen = (await inboxOf(world)).map(
      ({ raw, internalDate }) => `${/Subject: (\w+)/.exec(raw.toString())?.[1]} ${internalDate}`,
    );
    expect(seen.toSorted()).toEqual(['new 2026-11-20T05:06:07Z', 'old 1999-12-31T23:59:59Z']);
    const old = world.account.inbox.messages.find(({ raw }) => raw.includes('Subject: old'));
    if (old === undefined) throw new Error('the message has not arrived');
    expect(isFlagged(old, world.tenant.items.of(old))).toBe(true);
  });

  test('T56: a target that is out of order for a moment is no wrong password, and nothing is doubled', async () => {
    const world = await start();
    for (const subject of ['one', 'two']) world.source.addMessage(['INBOX'], letter(subject), [], DATE);
    let refused = 0;
    const before = world.tenant.fault;
    world.tenant.fault = (call) => {
      if (call.name.endsWith('/token') || refused > 2) return before?.(call) ?? null;
      refused += 1;
      return { status: 503, headers: { 'retry-after': '0' } };
    };
    if (route === 'imap') refused = 3; // its door is another: see imap-copy.test.ts
    const faults = await world.copyUntilDone();
    expect(
      faults.every((error) => error instanceof MigrationError && ['retry', 'wait'].includes(error.kind.reaction)),
    ).toBe(true);
    expect(await saysTheSame(world, [letter('one'), letter('two')])).toBe(true);
  });
});
