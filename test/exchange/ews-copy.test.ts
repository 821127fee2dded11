import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { collect } from '../../domain/collect.ts';
import { busyFault, busyMessage } from '../../lab/exchange/ews/busy.ts';
import { GERMAN_NAMES } from '../../lab/exchange/mail/special-folders.ts';
import type { Fault, TenantCall } from '../../lab/exchange/tenant.ts';
import { EwsWorld } from '../support/ews-world.ts';
import { DELTA } from '../support/memory-world.ts';

let world: EwsWorld;
/** How many calls were spoiled. */
let spoiled: number;

beforeEach(async () => {
  world = await EwsWorld.start();
  spoiled = 0;
  fill(world);
});
afterEach(() => world.close());

const LETTERS = ['one', 'twin', 'twin', 'four'];

function letter(subject: string): string {
  const head = [`Subject: ${subject}`, 'From: ben@example.test', 'Date: Thu, 01 Jan 2026 09:00:00 +0000'];
  return `${head.join('\r\n')}\r\n\r\nHello, ${subject}.\r\n`;
}

function fill({ source }: EwsWorld): void {
  source.addFolder(['Gesendet'], 'sent');
  for (const subject of LETTERS) source.addMessage(['INBOX'], letter(subject), ['\\Seen']);
  source.addMessage(['Gesendet'], letter('reply'), ['\\Answered', '\\Flagged'], '2014-03-01T10:11:12Z');
  source.addMessage(['Akten', '2025'], letter('unread'), ['Wichtig']);
  source.addMessage(['Entwurf'], letter('draft'), ['\\Draft', '\\Seen']);
}

const DATE = '2026-01-02T03:04:05.000Z';
const SOUND = [
  `Akten/2025 | unread | ${DATE} | Wichtig`,
  `Drafts | draft | ${DATE} | \\Draft | \\Seen | draft`,
  `INBOX | four | ${DATE} | \\Seen`,
  `INBOX | one | ${DATE} | \\Seen`,
  `INBOX | twin | ${DATE} | \\Seen`,
  `INBOX | twin | ${DATE} | \\Seen`,
  'Sent Items | reply | 2014-03-01T10:11:12.000Z | \\Answered | \\Flagged',
];

/** The oracle: every message once, where it belongs, as it was; the check agrees; nothing was sent; a second pass does nothing. */
async function expectSound(): Promise<void> {
  expect(world.seen()).toEqual(SOUND);
  expect(await world.verify()).toMatchObject({ faults: 0 });
  const creates = world.tenant.calls.filter((name) => name === 'CreateItem').length;
  expect(await world.copy({}, DELTA)).toMatchObject({ moved: 0, reflagged: 0 });
  expect(world.tenant.calls.filter((name) => name === 'CreateItem')).toHaveLength(creates);
  expect(world.tenant.outgoing.list).toEqual([]);
}

/** Spoils some calls of one name, counted from 1. */
function spoil(name: string, at: readonly number[], fault: Fault): void {
  let count = 0;
  world.tenant.fault = (call: TenantCall) => {
    if (call.name !== name) return null;
    count += 1;
    if (!at.includes(count)) return null;
    spoiled += 1;
    return fault;
  };
}

test('a mailbox arrives with folders, dates, flags and keywords, and not as drafts', async () => {
  await world.copy();
  await expectSound();
});

test('T62: a shared mailbox, which nobody signs in to, is reached as well, and by a token too', async () => {
  world.auth = 'oauth';
  expect(await world.copyUntilDone(0)).toEqual([]);
  await expectSound();
});

describe('an answer that is lost or bad', () => {
  test.each([
    ['the connection ends before CreateItem happens', { drop: true }],
    ['the connection ends after CreateItem has happened', { drop: true, afterEffect: true }],
    ['CreateItem happens and is answered 503', { status: 503, afterEffect: true }],
    ['CreateItem is answered 503 and does not happen', { status: 503 }],
    ['CreateItem happens and is answered by a page of HTML', { status: 200, body: '<html><p>Wait', afterEffect: true }],
    ['CreateItem happens and is answered 500 with nothing', { status: 500, body: '', afterEffect: true }],
  ] as const)('%s', async (_case, fault) => {
    spoil('CreateItem', [2, 5], fault);
    const faults = await world.copyUntilDone();
    expect(spoiled).toBe(2);
    expect(faults.map(({ code }) => code)).toEqual(['CONNECTION_LOST', 'CONNECTION_LOST']);
    await expectSound();
  });

  test('the UID of what was written is not told: the copy counts all the same', async () => {
    // The second GetItem of each message; the well-known folders are asked for by GetFolder.
    spoil('GetItem', [1, 3], { status: 503 });
    expect(await world.copyUntilDone()).toEqual([]);
    expect(spoiled).toBe(2);
    world.tenant.fault = null;
    await expectSound();
  });
});

test('§9.4: what was written and cannot be seen yet is looked for again before it is sent again', async () => {
  await world.close();
  let clock = Date.now();
  world = await EwsWorld.start({ now: () => clock }, 30_000);
  fill(world);
  world.tenant.ews.visibleAfterMs = 20_000;
  spoil('CreateItem', [2], { status: 503, afterEffect: true });
  await expect(world.copy()).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  expect(spoiled).toBe(1);
  const waits: number[] = [];
  const pace = {
    now: () => clock,
    async pause(ms: number) {
      waits.push(ms);
      clock += ms;
    },
  };
  await world.copy({ lanes: { open: async () => null, pace } });
  // Beside the time in which the attempt before settles.
  expect(waits.reduce((sum, ms) => sum + ms, 0)).toBeGreaterThanOrEqual(30_000);
  clock += 30_000;
  await expectSound();
});

describe('throttling', () => {
  test.each([
    ['as a fault', busyFault(297_749)],
    ['within an answer', busyMessage('CreateItem', 297_749)],
  ])('ErrorServerBusy %s is waited out to the millisecond, and the same message is sent again', async (_how, fault) => {
    spoil('CreateItem', [3], fault);
    const faults = await world.copyUntilDone();
    expect(spoiled).toBe(1);
    expect(faults.map(({ code, retryAfterMs }) => [code, retryAfterMs])).toEqual([['THROTTLED', 297_749]]);
    // Certain not to have happened: nothing had to be looked for.
    expect(world.tenant.calls.filter((name) => name === 'CreateItem')).toHaveLength(SOUND.length + 1);
    await expectSound();
  });
});

describe('T57: a token that ends in the middle', () => {
  test('is replaced on the way, and the same message goes on', async () => {
    await world.close();
    let clock = Date.now();
    world = await EwsWorld.start({ now: () => clock });
    fill(world);
    let creates = 0;
    world.tenant.fault = ({ name }) => {
      if (name === 'CreateItem') creates += 1;
      if (creates !== 3 || spoiled > 0) return null;
      spoiled += 1;
      clock += 10 * 60_000;
      world.tenant.access.revokeTokens();
      return null;
    };
    world.auth = 'oauth';
    expect(await world.copyUntilDone(0)).toEqual([]);
    expect(spoiled).toBe(1);
    await expectSound();
  });
});

describe('what a person has to mend', () => {
  test('T54: a full mailbox is held; with more room the rest follows', async () => {
    world.tenant.ews.quotaBytes = letter('one').length * 3;
    await expect(world.copy()).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED', kind: { reaction: 'pause' } });
    expect(world.seen().length).toBeGreaterThan(0);
    world.tenant.ews.quotaBytes = null;
    await world.copy();
    await expectSound();
  });

  test('T22, T24: a message over the limit is named and the others go in; with a higher limit it follows', async () => {
    world.tenant.ews.maxMessageBytes = 1_000;
    const large = letter('large') + 'x'.repeat(2_000);
    world.source.addMessage(['INBOX'], large, ['\\Seen']);
    const report = await world.copy();
    expect(report).toMatchObject({ copied: SOUND.length, refused: 1 });
    expect(world.seen()).toEqual(SOUND);
    world.tenant.ews.maxMessageBytes = 10_000;
    expect(await world.copy({ retryRefused: true }, DELTA)).toMatchObject({ copied: 1 });
    expect(world.seen()).toHaveLength(SOUND.length + 1);
  });

  test('a mailbox that loses its licence in the middle is held, and nothing is told as lost', async () => {
    let creates = 0;
    world.tenant.fault = ({ name }) => {
      if (name === 'CreateItem') creates += 1;
      if (creates !== 3 || spoiled > 0) return null;
      spoiled += 1;
      world.tenant.store.removeAccount('ann@harbour.test');
      return null;
    };
    await expect(world.copy()).rejects.toMatchObject({ code: 'MAILBOX_MISSING', kind: { reaction: 'pause' } });
    expect(spoiled).toBe(1);
    const states = await collect(world.ledger.listExceptions('mbx-1'));
    expect(states.filter(({ state }) => state === 'refused')).toEqual([]);
  });

  test.each([
    ['the service account may not impersonate', () => setService({ mayImpersonate: false }), 'IMPERSONATION_DENIED'],
    ['its password is another one', () => setService({ password: 'new' }), 'AUTH_FAILED'],
    ['EWS is off, by HTTP 403', () => switchOff('forbidden'), 'EWS_OFF'],
    ['EWS is off, by ErrorAccessDenied', () => switchOff('access-denied'), 'EWS_OFF'],
    ['the mailbox is not there', () => world.tenant.store.removeAccount('ann@harbour.test'), 'MAILBOX_MISSING'],
  ] as const)('where %s, that is said at the door', async (_case, shut, code) => {
    shut();
    await expect(world.open()).rejects.toMatchObject({ code, kind: { reaction: 'pause' } });
  });
});

function setService(change: { readonly password?: string; readonly mayImpersonate?: boolean }): void {
  const { serviceAccounts } = world.tenant.ews;
  serviceAccounts.set('migration@harbour.test', { password: 'secret', mayImpersonate: true, ...change });
}

function switchOff(how: 'forbidden' | 'access-denied'): void {
  world.tenant.ews.off = how;
}

describe('folders', () => {
  test('T7: a German mailbox has the same roles, and nothing is made beside its own', async () => {
    await world.close();
    world = await EwsWorld.start({ folderNames: GERMAN_NAMES });
    fill(world);
    await world.copy();
    const filled = world.account.listFolders().filter(({ messages }) => messages.length > 0);
    expect(filled.map(({ role, path }) => role ?? path.join('/')).toSorted()).toEqual([
      'Akten/2025',
      'drafts',
      'inbox',
      'sent',
    ]);
    expect(await world.verify()).toMatchObject({ faults: 0 });
  });

  test('two connections that make the same folder at the same time make one', async () => {
    const targets = await Promise.all([world.open(), world.open(), world.open()]);
    const made = await Promise.all(targets.map((target) => target.ensureFolder(['Neu', 'Unten'], null)));
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    expect(world.account.listFolders().filter(({ path }) => path[0] === 'Neu')).toHaveLength(2);
    expect(world.tenant.calls.filter((name) => name === 'CreateFolder').length).toBeGreaterThan(2);
  });
});

describe('large messages', () => {
  test('one of 20 MB goes in and comes back whole', async () => {
    world.tenant.ews.maxMessageBytes = 64 << 20;
    const target = await world.open();
    const inbox = await target.ensureFolder(['INBOX'], 'inbox');
    const raw = Buffer.from(`${letter('large')}${`${'0123456789abcdef'.repeat(4)}\r\n`.repeat(320_000)}`);
    expect(raw.length).toBeGreaterThan(20 << 20);
    const { id } = await target.append(inbox, { raw, flags: ['\\Seen'], receivedAt: null });
    expect(id?.uid).toBe(1);
    for await (const copy of target.listMessages(inbox, 1)) expect(copy.raw.equals(raw)).toBe(true);
    expect(world.account.inbox.messages[0]?.raw.equals(raw)).toBe(true);
  });

  test('T24: one over what a request may hold is known before it is sent; one over what the server takes is told by it', async () => {
    world.tenant.ews.maxRequestBytes = 1 << 20;
    const target = await world.open();
    const inbox = await target.ensureFolder(['INBOX'], 'inbox');
    const large = { raw: Buffer.alloc(2 << 20, 'x\r\n'), flags: [], receivedAt: null };
    await expect(target.append(inbox, large)).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
    expect(target.maxMessageBytes).toBeGreaterThan(47 << 20);
    expect(target.maxMessageBytes).toBeLessThan(48 << 20);
    const before = world.tenant.calls.length;
    const larger = { ...large, raw: Buffer.alloc((target.maxMessageBytes ?? 0) + 1) };
    await expect(target.append(inbox, larger)).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
    expect(world.tenant.calls).toHaveLength(before);
  });
});

test('nothing is written once the lease is lost: the request is not even begun', async () => {
  let mine = true;
  const target = await world.open({ mayWrite: () => mine });
  const inbox = await target.ensureFolder(['INBOX'], 'inbox');
  mine = false;
  const message = { raw: Buffer.from(letter('late')), flags: [], receivedAt: null };
  await expect(target.append(inbox, message)).rejects.toMatchObject({ code: 'LEASE_LOST' });
  await expect(target.storeFlags(inbox, 1, { add: ['\\Seen'], remove: [] })).resolves.toBeUndefined(); // nothing is there
  await expect(target.ensureFolder(['New'], null)).rejects.toMatchObject({ code: 'LEASE_LOST' });
  expect(world.tenant.calls).not.toContain('CreateItem');
  expect(world.tenant.calls).not.toContain('CreateFolder');
});

test('a message of which the lease is lost on the way never arrives', async () => {
  let asked = 0;
  const target = await world.open({ mayWrite: () => ++asked < 20 });
  const inbox = await target.ensureFolder(['INBOX'], 'inbox');
  const message = { raw: Buffer.from(letter('large') + 'x'.repeat(5_000_000)), flags: [], receivedAt: null };
  await expect(target.append(inbox, message)).rejects.toMatchObject({ code: 'LEASE_LOST' });
  expect(asked).toBe(20);
  expect(world.seen()).toEqual([]);
});

test('T70: to mark a message as read sends no receipt that it asks for', async () => {
  const target = await world.open();
  const inbox = await target.ensureFolder(['INBOX'], 'inbox');
  const raw = Buffer.from(`Disposition-Notification-To: ben@example.test\r\n${letter('receipt')}`);
  const { id } = await target.append(inbox, { raw, flags: [], receivedAt: null });
  await target.storeFlags(inbox, id?.uid ?? 0, { add: ['\\Seen'], remove: [] });
  expect(world.account.inbox.messages[0]?.flags.has('\\Seen')).toBe(true);
  expect(world.tenant.outgoing.list).toEqual([]);
});
