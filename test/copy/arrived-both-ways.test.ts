/** While mailboxes forward with a copy, mail comes to the target by transport and to the source by forwarding: one message, two ways. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { collect } from '../../domain/collect.ts';
import { DOMAIN, plainMail, ROUTING, startMailFlowWorld } from '../support/mail-flow-world.ts';
import { DELTA, INITIAL, newMemoryWorld, spareLanes } from '../support/memory-world.ts';

const ANNA = `anna@${DOMAIN}`;
const BEFORE = '2026-01-01T09:00:00Z';
const DURING = '2026-02-01T09:00:00Z';
const ON = [{ since: '2026-01-15T00:00:00Z', until: null }];
const INBOX = ['INBOX'];

/** The two copies of mails that went through the simulator's transport. */
let copies: { readonly source: string; readonly target: string }[] = [];
const SENT = ['one', 'two', 'twin', 'twin'];

beforeAll(async () => {
  const flow = await startMailFlowWorld([ANNA]);
  flow.addMailbox(ANNA);
  flow.run('Set-HostedOutboundSpamFilterPolicy', { Identity: 'Default', AutoForwardingMode: 'On' });
  const ForwardingSmtpAddress = `anna@${ROUTING}`;
  flow.run('Set-Mailbox', { Identity: ANNA, ForwardingSmtpAddress, DeliverToMailboxAndForward: true });
  for (const subject of SENT) {
    await flow.send(ANNA, { raw: plainMail('writer@outside.test', ANNA, subject) });
    await flow.entrance.transport.idle();
  }
  const target = flow.at('tenant', ANNA);
  copies = flow.at('old', ANNA).map((source, at) => ({ source, target: target[at] ?? '' }));
  await flow.close();
});
afterAll(() => expect(copies).toHaveLength(SENT.length));

/** A mailbox that was copied once and then got those mails on both ways. */
async function copiedOnce(chosen = copies) {
  const world = newMemoryWorld();
  world.source.addMessage(INBOX, plainMail('a@b.test', ANNA, 'long ago'), [], BEFORE);
  await world.copy(INITIAL, { forwardedIn: ON });
  for (const { source, target } of chosen) {
    world.target.addMessage(INBOX, target, [], DURING);
    world.source.addMessage(INBOX, source, [], DURING);
  }
  return world;
}
const inTarget = (world: Awaited<ReturnType<typeof copiedOnce>>) => world.target.getFolder(INBOX).messages.length;

describe('mail that arrived on both ways', () => {
  test('is not brought a second time, twins as often as they are, and says what it was matched by', async () => {
    const world = await copiedOnce();
    expect(copies[0]?.source).not.toBe(copies[0]?.target);
    expect(await world.copy(DELTA, { forwardedIn: ON })).toMatchObject({ copied: 0, alreadyThere: SENT.length });
    expect(inTarget(world)).toBe(1 + SENT.length);
    const delivered = await collect(world.ledger.listDelivered(world.mailboxId, INBOX, 2));
    expect(delivered.map(({ state, targetUid }) => [state, targetUid])).toEqual([
      ['already-there', 2],
      ['already-there', 3],
      ['already-there', 4],
      ['already-there', 5],
    ]);
    expect(await world.verify(DELTA)).toMatchObject({ lost: 0, doubled: 0 });
    expect(await world.copy({ kind: 'delta', number: 3 }, { forwardedIn: ON })).toMatchObject({ moved: 0 });
  });

  test('would be doubled if nobody knew of the forwarding', async () => {
    const world = await copiedOnce();
    expect(await world.copy(DELTA)).toMatchObject({ copied: SENT.length });
  });

  test('is matched in a first pass, too, and by several lanes', async () => {
    const world = newMemoryWorld();
    for (const { source, target } of copies) {
      world.target.addMessage(INBOX, target, [], DURING);
      world.source.addMessage(INBOX, source, [], DURING);
    }
    const lanes = spareLanes(world.source, world.target, 2);
    expect(await world.copy(INITIAL, { forwardedIn: ON, lanes })).toMatchObject({
      copied: 0,
      alreadyThere: SENT.length,
    });
    expect(inTarget(world)).toBe(SENT.length);
  });

  test.each(['bytes', 'content', 'parts'] as const)(
    'is one copy for one message in a first pass into a target of fidelity %s',
    async (fidelity) => {
      const world = newMemoryWorld({ fidelity });
      const [, , twin, other] = copies;
      world.target.addMessage(INBOX, twin?.target ?? '', [], DURING);
      for (const each of [twin, other]) world.source.addMessage(INBOX, each?.source ?? '', [], DURING);
      expect(await world.copy(INITIAL, { forwardedIn: ON })).toMatchObject({ copied: 1, alreadyThere: 1 });
      expect(inTarget(world)).toBe(2);
    },
  );

  test('is brought as often as the target lacks it', async () => {
    const twins = copies.slice(2);
    const world = await copiedOnce(twins);
    world.target.removeMessage(INBOX, 3); // its owner deleted one of them
    expect(await world.copy(DELTA, { forwardedIn: ON })).toMatchObject({ copied: 1, alreadyThere: 1 });
    expect(await world.verify(DELTA)).toMatchObject({ lost: 0, doubled: 0 });
  });

  test('is brought once more when its owner has moved the copy: rather twice than never', async () => {
    const world = await copiedOnce(copies.slice(0, 1));
    world.target.moveMessage(INBOX, 2, ['Projects']);
    expect(await world.copy(DELTA, { forwardedIn: ON })).toMatchObject({ copied: 1, alreadyThere: 0 });
    expect(inTarget(world)).toBe(2);
  });

  test('at the source before its copy reached the target is brought, and nothing is lost', async () => {
    const world = await copiedOnce([]);
    world.source.addMessage(INBOX, copies[0]?.source ?? '', [], DURING);
    expect(await world.copy(DELTA, { forwardedIn: ON })).toMatchObject({ copied: 1 });
  });
});

describe('what is not the same', () => {
  test.each([
    ['the text', (raw: string) => raw.replace('This is one.', 'This is another.')],
    ['the subject', (raw: string) => raw.replace('Subject: one', 'Subject: One more thing')],
    ['the sender', (raw: string) => raw.replace('From: <writer@', 'From: <reader@')],
    ['the Message-ID', (raw: string) => raw.replace('<one@', '<another@')],
  ])('is brought though all but %s is alike', async (_what, change) => {
    const world = await copiedOnce(
      copies.slice(0, 1).map(({ source, target }) => ({ source, target: change(target) })),
    );
    expect(world.target.getFolder(INBOX).messages[1]?.raw.toString()).not.toBe(copies[0]?.target);
    expect(await world.copy(DELTA, { forwardedIn: ON })).toMatchObject({ copied: 1, alreadyThere: 0 });
  });

  test('is brought when it has no Message-ID, by which alone it could be told', async () => {
    const without = (raw: string) => raw.replace(/^Message-ID:.*\r\n/m, '');
    const world = await copiedOnce(
      copies.slice(0, 1).map(({ source, target }) => ({ source: without(source), target: without(target) })),
    );
    expect(await world.copy(DELTA, { forwardedIn: ON })).toMatchObject({ copied: 1, alreadyThere: 0 });
  });

  test('is brought when it came outside the time in which mailboxes forwarded', async () => {
    const world = await copiedOnce();
    const ended = [{ since: '2025-06-01T00:00:00Z', until: '2025-07-01T00:00:00Z' }];
    expect(await world.copy(DELTA, { forwardedIn: ended })).toMatchObject({ copied: SENT.length });
  });

  test('is the same mail in another folder of the source', async () => {
    const world = await copiedOnce([]);
    world.target.addMessage(INBOX, copies[0]?.target ?? '', [], DURING);
    world.source.addMessage(['Projects'], copies[0]?.source ?? '', [], DURING);
    expect(await world.copy(DELTA, { forwardedIn: ON })).toMatchObject({ copied: 1, alreadyThere: 0 });
  });
});
