/** Copies into a mailbox by routes that differ in what they keep. */
import { describe, expect, test } from 'vitest';
import type { MemoryView } from '../../adapters/memory/mail.ts';
import { collect } from '../../domain/collect.ts';
import { type ErrorCode, MigrationError } from '../../domain/errors.ts';
import type { MailTarget } from '../../domain/ports/mail.ts';
import { createRoutedTarget } from '../../domain/routed-target.ts';
import type { RouteOffer } from '../../domain/routes.ts';
import { DELTA, fakePace, INITIAL, type MemoryWorld, mailText, newMemoryWorld } from '../support/memory-world.ts';

const JSON_VIEW: MemoryView = {
  route: 'graph-json',
  fidelity: 'parts',
  keys: true,
  maxMessageBytes: 20_000,
  uidValidityPrefix: 'g',
};
const IMAP_VIEW: MemoryView = { route: 'imap', fidelity: 'content', keys: false };
const BYTES_VIEW: MemoryView = { route: 'imap', fidelity: 'bytes', keys: false };
const EWS_VIEW: MemoryView = { route: 'ews', fidelity: 'content', keys: true, uidValidityPrefix: 'e' };

const HEAD = 'From: Ann <ann@example.test>\r\nDate: Mon, 6 Jan 2020 10:00:00 +0000\r\nMIME-Version: 1.0\r\n';
const HTML = `${HEAD}Subject: html\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n--a\r\n\r\nHello\r\n--a\r\nContent-Type: text/html\r\n\r\n<p>Hello</p>\r\n--a--\r\n`;
const SIGNED_PART = 'Content-Type: text/plain\r\n\r\nI  owe you 100. \r\n';
const SIGNED = `${HEAD}Subject: signed\r\nContent-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n${SIGNED_PART}\r\n--s\r\nContent-Type: application/pgp-signature; name=signature.asc\r\n\r\nSIG\r\n--s--\r\n`;
const LARGE = `${HEAD}Subject: large\r\n\r\n${'0123456789abcde\r\n'.repeat(2_000)}`;
const TWIN = `${HEAD}Subject: twin\r\n\r\ntwin\r\n`;

function offerOf({ route, fidelity, maxMessageBytes }: MailTarget): RouteOffer {
  return { route, fidelity, maxMessageBytes, keepsSignatures: fidelity !== 'parts' };
}

/** The first view is read by; the others number alike, as far as `sameUids` says. */
function routed(world: MemoryWorld, views: readonly [MemoryView, ...MemoryView[]], sameUids = true): MailTarget {
  const [main, ...others] = views.map((view) => world.target.openTarget(view));
  if (main === undefined) throw new Error('unreachable');
  const ways = others.map((target) => ({ offer: offerOf(target), open: async () => target, sameUids }));
  return createRoutedTarget(main, offerOf(main), ways);
}

function newWorld(mails: readonly string[] = [HTML, SIGNED, LARGE, TWIN, TWIN]): MemoryWorld {
  const world = newMemoryWorld({ appendsMany: false });
  for (const raw of mails) world.source.addMessage(['INBOX'], raw);
  return world;
}

function texts(world: MemoryWorld): readonly string[] {
  return world.target.getFolder(['INBOX']).messages.map(({ raw }) => raw.toString('latin1'));
}

function textOf(world: MemoryWorld, subject: string): string {
  return texts(world).find((each) => each.includes(`Subject: ${subject}\r\n`)) ?? 'not there';
}

async function notesOf({ ledger, mailboxId }: MemoryWorld) {
  return (await collect(ledger.listNotes(mailboxId))).map(({ uid, state, detail }) => [uid, state, detail]);
}

async function expectSound(
  world: MemoryWorld,
  target: () => MailTarget,
  count = world.source.getFolder(['INBOX']).messages.length,
) {
  const lanes = { open: async () => null, pace: fakePace() };
  const openSource = async () => ({ source: world.source.openSource(), close: async () => undefined });
  expect(await world.verify(INITIAL, { target: target(), lanes, openSource })).toMatchObject({
    faults: 0,
    datesMoved: 0,
  });
  expect(texts(world)).toHaveLength(count);
  expect(await world.copy({ kind: 'delta', number: 9 }, { target: target() })).toMatchObject({
    moved: 0,
    alreadyThere: 0,
    bytes: 0,
  });
  expect(texts(world)).toHaveLength(count);
}

const LEFT_OUT = 'Its plain text, which says what the HTML says, was left out.';

describe('a target of a JSON route with IMAP beside it', () => {
  test('T24, T29: gets what is signed or large by IMAP, as it is, and tells what of the rest is lost', async () => {
    const world = newWorld();
    const target = () => routed(world, [JSON_VIEW, IMAP_VIEW]);
    expect(await world.copy(INITIAL, { target: target() })).toMatchObject({ copied: 4, repaired: 1, wrapped: 0 });
    expect(textOf(world, 'signed')).toContain(`--s\r\n${SIGNED_PART}\r\n--s`);
    expect(textOf(world, 'large')).not.toContain('mailferry-json-form');
    expect(textOf(world, 'html')).not.toContain('multipart/alternative');
    expect(await notesOf(world)).toEqual([[1, 'repaired', LEFT_OUT]]);
    await expectSound(world, target);
  });

  test('takes no UIDs of a companion that numbers otherwise, and knows its copies all the same', async () => {
    const world = newWorld();
    const target = () => routed(world, [JSON_VIEW, IMAP_VIEW], false);
    await world.copy(INITIAL, { target: target() });
    const copies = await collect(world.ledger.listDelivered(world.mailboxId, ['INBOX'], 1));
    expect(copies.filter(({ targetUid }) => targetUid === null)).toHaveLength(2);
    expect(new Set(copies.flatMap(({ targetUidValidity }) => targetUidValidity ?? []))).toEqual(new Set(['g1001']));
    await expectSound(world, target);
  });

  test.each(['OUTCOME_UNKNOWN', 'CONNECTION_LOST'] as const)(
    'T37: makes up for every answer that is lost (%s), whichever way it came',
    async (code) => {
      for (let nth = 1; nth <= 5; nth += 1) {
        const world = newWorld();
        const target = () => routed(world, [JSON_VIEW, IMAP_VIEW]);
        const lost = loseAnswer(world, nth, code);
        await expect(world.copy(INITIAL, { target: target() })).rejects.toMatchObject({ code });
        expect(lost()).toBe(1);
        await world.copy(INITIAL, { target: target() });
        await expectSound(world, target);
        // What was left out is told after a lost answer too.
        expect(await notesOf(world)).toEqual([[1, 'repaired', LEFT_OUT]]);
      }
    },
  );

  test('tries a message that the first route refuses by the next one, before anything of it is changed', async () => {
    const world = newWorld([mailText('one'), mailText('refused')]);
    world.target.refuse = ({ raw, route }) => {
      if (route === 'graph-json' && raw.includes('refused'))
        throw new MigrationError('MESSAGE_REFUSED', 'ErrorInvalidRecipients');
    };
    const target = () => routed(world, [JSON_VIEW, IMAP_VIEW]);
    expect(await world.copy(INITIAL, { target: target() })).toMatchObject({ copied: 2, repaired: 0, wrapped: 0 });
    expect(await notesOf(world)).toEqual([]);
    await expectSound(world, target);
  });

  test('T23: names a message that no route takes for its size', async () => {
    const world = newWorld([LARGE, TWIN]);
    const target = routed(world, [JSON_VIEW, { ...IMAP_VIEW, maxMessageBytes: 20_001 }]);
    expect(await world.copy(INITIAL, { target })).toMatchObject({ copied: 1, refused: 1 });
    expect(await collect(world.ledger.listExceptions(world.mailboxId))).toMatchObject([
      { uid: 1, code: 'MESSAGE_TOO_LARGE' },
    ]);
  });
});

describe('a target with a JSON route only', () => {
  test('T29: gets signed mail attached to a stub, byte for byte', async () => {
    const world = newWorld([SIGNED]);
    const target = () => world.target.openTarget(JSON_VIEW);
    expect(await world.copy(INITIAL, { target: target() })).toMatchObject({ wrapped: 1 });
    expect(texts(world)[0]).toContain(Buffer.from(SIGNED).toString('base64').slice(0, 60));
    expect((await notesOf(world))[0]?.[2]).toMatch(/signed or encrypted/);
    await expectSound(world, target);
  });

  test('gets it in parts where the plan says so, and says that it is broken', async () => {
    const world = newWorld([SIGNED]);
    const target = () => world.target.openTarget(JSON_VIEW);
    expect(await world.copy(INITIAL, { target: target(), signedMail: 'may-break' })).toMatchObject({ repaired: 1 });
    expect((await notesOf(world))[0]?.[2]).toMatch(/does not verify any more/);
    await expectSound(world, target);
  });
});

describe.each([
  ['IMAP with its bytes, then JSON', BYTES_VIEW, JSON_VIEW],
  ['IMAP with its bytes, then EWS', BYTES_VIEW, EWS_VIEW],
  ['JSON, then IMAP with its bytes', JSON_VIEW, BYTES_VIEW],
  ['EWS, then JSON', EWS_VIEW, JSON_VIEW],
  ['JSON, then EWS', JSON_VIEW, EWS_VIEW],
])('a mailbox whose route changes: %s', (_, before, after) => {
  test('keeps what it has, gets what is new, and is verified by the new route', async () => {
    const world = newWorld([HTML, TWIN, TWIN, mailText('old')]);
    await world.copy(INITIAL, { target: world.target.openTarget(before) });
    world.source.addMessage(['INBOX'], TWIN);
    world.source.addMessage(['INBOX'], mailText('new'));
    expect(await world.copy(DELTA, { target: world.target.openTarget(after) })).toMatchObject({
      moved: 2,
      alreadyThere: 0,
    });
    await expectSound(world, () => world.target.openTarget(after));
  });

  test.each([
    ['finds what was sent', 'after'],
    ['takes no twin for what was not sent', 'before'],
  ] as const)('T37: %s by the old route when its answer was lost', async (__, when) => {
    for (let nth = 1; nth <= 4; nth += 1) {
      const world = newWorld([HTML, TWIN, TWIN, mailText('old')]);
      const lost = loseAnswer(world, nth, 'CONNECTION_LOST', when);
      await expect(world.copy(INITIAL, { target: world.target.openTarget(before) })).rejects.toThrow();
      expect(lost()).toBe(1);
      const target = () => world.target.openTarget(after);
      await world.copy(INITIAL, { target: target() });
      await expectSound(world, target);
    }
  });
});

describe('a target that keeps keys', () => {
  test('T36: that writes everything anew gets nothing twice, in the second run and the tenth', async () => {
    const world = newWorld();
    const target = () => world.target.openTarget(EWS_VIEW);
    expect(await world.copy(INITIAL, { target: target() })).toMatchObject({ moved: 5 });
    for (let number = 2; number <= 10; number += 1) {
      expect(await world.copy({ kind: 'delta', number }, { target: target() })).toMatchObject({ moved: 0, bytes: 0 });
    }
    await expectSound(world, target);
  });

  test('T36: a second copy with the key of another is a double, whatever it says', async () => {
    const world = newWorld([TWIN, HTML]);
    const target = () => world.target.openTarget(EWS_VIEW);
    await world.copy(INITIAL, { target: target() });
    const [first] = world.target.getFolder(['INBOX']).messages;
    world.target.addMessage(['INBOX'], mailText('its owner got this'));
    expect(await world.verify(INITIAL, { target: target() })).toMatchObject({ doubled: 0, faults: 0 });
    world.target.addMessage(['INBOX'], mailText('not what it was'), [], null, first?.key ?? null);
    expect(await world.verify(INITIAL, { target: target() })).toMatchObject({ doubled: 1, lost: 0, changed: 0 });
    expect(await collect(world.ledger.listDeviations(world.mailboxId))).toMatchObject([
      { code: 'MESSAGE_DOUBLED', uid: 1, targetUid: 4 },
    ]);
  });

  test('T37: finds by its key what was changed beyond recognition before the answer got lost', async () => {
    const world = newWorld([TWIN, HTML]);
    const target = () => world.target.openTarget(EWS_VIEW);
    const lost = loseAnswer(world, 1, 'OUTCOME_UNKNOWN');
    await expect(world.copy(INITIAL, { target: target() })).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    expect(lost()).toBe(1);
    const folder = world.target.getFolder(['INBOX']);
    folder.messages = folder.messages.map((each) => ({
      ...each,
      raw: Buffer.from(mailText('a disclaimer was added')),
    }));
    expect(await world.copy(INITIAL, { target: target() })).toMatchObject({ copied: 2 });
    expect(texts(world)).toHaveLength(2);
    // Which message it was is known, and that it is another one now is told.
    expect(await world.verify(INITIAL, { target: target() })).toMatchObject({ changed: 1, lost: 0, doubled: 0 });
  });

  test('is looked at again after its lag before anything is sent again', async () => {
    const pace = fakePace();
    const world = newMemoryWorld({ ...EWS_VIEW, appendsMany: false, visibleAfterMs: 30_000, clock: pace.now });
    for (const raw of [TWIN, TWIN, HTML]) world.source.addMessage(['INBOX'], raw);
    const lost = loseAnswer(world, 2, 'OUTCOME_UNKNOWN');
    const lanes = { open: async () => null, pace };
    await expect(world.copy(INITIAL, { lanes })).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    expect(lost()).toBe(1);
    const begun = pace.now();
    expect(await world.copy(INITIAL, { lanes })).toMatchObject({ copied: 2 }); // found, and one for the first time
    expect(pace.now() - begun).toBeGreaterThanOrEqual(30_000);
    expect(texts(world)).toHaveLength(3);
    // What is not seen yet is not lost.
    expect(await world.verify(INITIAL, { lanes })).toMatchObject({ faults: 0 });
  });

  test('can be left while it waits', async () => {
    const pace = fakePace();
    const world = newMemoryWorld({ ...EWS_VIEW, appendsMany: false, visibleAfterMs: 30_000, clock: pace.now });
    world.source.addMessage(['INBOX'], TWIN);
    loseAnswer(world, 1, 'CONNECTION_LOST');
    const lanes = { open: async () => null, pace };
    await expect(world.copy(INITIAL, { lanes })).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    const abort = new AbortController();
    const impatient = {
      now: pace.now,
      async pause(ms: number) {
        abort.abort(new Error('enough'));
        await pace.pause(ms);
      },
    };
    await expect(world.copy(INITIAL, { lanes: { ...lanes, pace: impatient }, signal: abort.signal })).rejects.toThrow(
      'enough',
    );
    expect(texts(world)).toHaveLength(1);
  });
});

describe('a target that keeps the content', () => {
  test.each(['content', 'parts'] as const)(
    'T16, T21: what it refuses is repaired, or attached to a stub, and known again (%s)',
    async (fidelity) => {
      const long = `${HEAD}Subject: long\r\n\r\n${'x'.repeat(12_000)}\r\n`;
      const poison = `${HEAD}Subject: poison\r\n\r\npoison\r\n`;
      const world = newWorld([long, TWIN, poison]);
      world.target.refuse = ({ raw }) => {
        const text = raw.toString('latin1');
        const isLong = text.split('\r\n').some((line) => line.length > 9_900);
        if (isLong || (/poison\r\n$|cG9pc29u/.test(text.slice(-120)) && !text.includes('X-Mailferry-Original'))) {
          throw new MigrationError('MESSAGE_REFUSED', 'Command Argument Error. 11');
        }
      };
      const target = () => world.target.openTarget({ ...EWS_VIEW, fidelity });
      const report = await world.copy(INITIAL, { target: target() });
      // The JSON form has no long lines.
      expect(report).toMatchObject(
        fidelity === 'parts' ? { copied: 2, wrapped: 1 } : { copied: 1, repaired: 1, wrapped: 1 },
      );
      await expectSound(world, target);
    },
  );

  test('T31: a draft without sender, date and id is the same when the target gives it some', async () => {
    const world = newWorld(['Subject: draft\r\n\r\nnot finished\r\n']);
    const target = () => world.target.openTarget(EWS_VIEW);
    await world.copy(INITIAL, { target: target() });
    const folder = world.target.getFolder(['INBOX']);
    folder.messages = folder.messages.map((each) => ({
      ...each,
      raw: Buffer.concat([Buffer.from('From: me@example.test\r\nDate: Tue, 7 Jan 2020 10:00:00 +0000\r\n'), each.raw]),
    }));
    await expectSound(world, target);
  });

  test('T42: what another tool has brought is not brought again, as often as it is there', async () => {
    const world = newWorld([TWIN, TWIN, TWIN, HTML]);
    for (const raw of [TWIN, TWIN]) world.target.addMessage(['INBOX'], raw);
    const target = () => world.target.openTarget(JSON_VIEW);
    expect(await world.copy(INITIAL, { target: target() })).toMatchObject({ alreadyThere: 2, moved: 2 });
    await expectSound(world, target);
  });
});

/** Of the nth message that is written: it is there, or `before`, and nobody is told. @returns how often that happened */
function loseAnswer({ target }: MemoryWorld, nth: number, code: ErrorCode, when: 'before' | 'after' = 'after') {
  let [appends, lost] = [0, 0];
  target[when] = (operation) => {
    if (operation !== 'append') return;
    appends += 1;
    if (appends !== nth) return;
    lost += 1;
    throw new MigrationError(code, '504 after success');
  };
  return (): number => lost;
}
