import { describe, expect, test } from 'vitest';
import { MemoryEraser } from '../../adapters/memory/eraser.ts';
import { collect } from '../../domain/collect.ts';
import { MigrationError } from '../../domain/errors.ts';
import { type FollowDeletionsInput, followDeletions } from '../../domain/follow-deletions.ts';
import type { Pass } from '../../domain/passes.ts';
import type { EraserConnector } from '../../domain/ports/eraser.ts';
import { proofOfTest } from '../support/deletion-proof.ts';
import { DELTA, INITIAL, mailText, newMemoryWorld } from '../support/memory-world.ts';

const THIRD: Pass = { kind: 'delta', number: 3 };

function newWorld(messages = 40) {
  const world = newMemoryWorld();
  const eraser = new MemoryEraser(world.target);
  for (let n = 1; n <= messages; n += 1) world.source.addMessage(['INBOX'], mailText(`message ${n}`));
  return {
    ...world,
    eraser,
    async follow(pass: Pass = DELTA, more: Partial<FollowDeletionsInput> = {}) {
      await world.copy(pass);
      return await followDeletions({
        ledger: world.ledger,
        lease: await world.ledger.takeLease(world.mailboxId, 'worker'),
        source: world.source.openSource(),
        target: world.target.openTarget(),
        pass,
        allowed: null,
        prove: async () => proofOfTest(),
        openEraser: async () => eraser,
        signal: new AbortController().signal,
        ...more,
      });
    },
    left: () => world.target.folders.flatMap(({ messages: left }) => left.map(({ uid }) => uid)),
    isVerified: async (pass: Pass) => {
      const { lost, doubled } = await world.verify(pass);
      return lost === 0 && doubled === 0;
    },
  };
}

describe('deletions that are followed', () => {
  test('T72: takes away what we copied and its owner deleted, and nothing else', async () => {
    const world = newWorld();
    await world.copy(INITIAL);
    world.target.addMessage(['INBOX'], mailText('new mail of the target'));
    world.source.removeMessage(['INBOX'], 3);
    expect(await world.follow()).toEqual({ removed: 1, kept: 0 });
    expect(world.left()).toHaveLength(40);
    expect(world.left()).not.toContain(3);
    expect(world.left()).toContain(41);
    expect(await world.isVerified(DELTA)).toBe(true);
    expect(await world.follow(THIRD)).toEqual({ removed: 0, kept: 0 });
    expect(await world.isVerified({ kind: 'initial', number: 4 })).toBe(true);
  });

  test('T72: removes nothing once MX has moved, be it in the middle', async () => {
    const world = newWorld(2_000);
    await world.copy(INITIAL);
    for (let uid = 1; uid <= 100; uid += 1) world.source.removeMessage(['INBOX'], uid);
    expect(await world.follow(DELTA, { prove: async () => null })).toEqual({ removed: 0, kept: 100 });
    let asked = 0;
    const prove = async () => (++asked > 2 ? null : proofOfTest());
    expect(await world.follow(THIRD, { prove })).toEqual({ removed: 50, kept: 50 });
    expect(world.left()).toHaveLength(1_950);
  });

  test('leaves a copy that is not what we put there any more', async () => {
    const world = newWorld();
    await world.copy(INITIAL);
    const folder = world.target.getFolder(['INBOX']);
    folder.messages = folder.messages.map((each) => (each.uid === 3 ? { ...each, raw: Buffer.from('other') } : each));
    world.source.removeMessage(['INBOX'], 3);
    expect(await world.follow()).toEqual({ removed: 0, kept: 1 });
    world.target.renumber(['INBOX']);
    expect(await world.follow(THIRD)).toEqual({ removed: 0, kept: 1 });
    expect(world.eraser.removals).toBe(0);
  });

  test('leaves what was there before us, what was moved, and the second of twins', async () => {
    const world = newWorld();
    world.target.addMessage(['INBOX'], mailText('message 1'));
    world.source.addMessage(['INBOX'], mailText('message 5'));
    await world.copy(INITIAL);
    world.source.removeMessage(['INBOX'], 1);
    world.source.moveMessage(['INBOX'], 2, ['Kept']);
    world.source.removeMessage(['INBOX'], 5);
    expect(await world.follow()).toEqual({ removed: 1, kept: 0 });
    const subjects = world.target.getFolder(['INBOX']).messages.map(({ raw }) => raw.toString());
    for (const kept of ['message 1', 'message 2', 'message 5']) expect(subjects).toContain(mailText(kept));
    expect(await world.isVerified(DELTA)).toBe(true);
  });

  test('T11: a change of the mapping deletes nothing', async () => {
    const world = newWorld();
    world.source.addFolder(['Sent'], 'sent');
    world.source.addMessage(['Sent'], mailText('sent'));
    await world.copy(INITIAL);
    await world.copy(DELTA, { mailbox: { id: world.mailboxId, mapping: { Sent: 'Old/Sent', INBOX: 'Elsewhere' } } });
    expect(await world.follow(THIRD)).toEqual({ removed: 0, kept: 0 });
    expect(world.left()).toHaveLength(41);
  });

  test('T43: a folder that is renumbered deletes nothing', async () => {
    const world = newWorld();
    await world.copy(INITIAL);
    world.source.renumber(['INBOX']);
    expect(await world.follow()).toEqual({ removed: 0, kept: 0 });
    expect(world.left()).toHaveLength(40);
  });

  test('T47: waits while the source changes, as what seems deleted may be on its way to another folder', async () => {
    const world = newWorld();
    await world.copy(INITIAL);
    world.source.removeMessage(['INBOX'], 3);
    await world.copy(DELTA);
    world.source.addMessage(['Other'], mailText('message 3'));
    const lease = await world.ledger.takeLease(world.mailboxId, 'worker');
    const { source, target, ledger, eraser } = world;
    const done = await followDeletions({
      ...{ ledger, lease, source: source.openSource(), target: target.openTarget(), pass: DELTA, allowed: null },
      ...{ prove: async () => proofOfTest(), openEraser: async () => eraser, signal: new AbortController().signal },
    });
    expect(done).toEqual({ removed: 0, kept: 1 });
    expect(await world.follow(THIRD)).toEqual({ removed: 0, kept: 0 });
    expect(world.left()).toHaveLength(40);
  });

  test('a target that cannot remove exactly what it is told to keeps everything', async () => {
    const world = newWorld();
    await world.copy(INITIAL);
    world.source.removeMessage(['INBOX'], 3);
    expect(await world.follow(DELTA, { openEraser: async () => null })).toEqual({ removed: 0, kept: 1 });
  });
});

describe('the brake', () => {
  test('T73: holds the mailbox before anything is deleted, names the number, and lets go what a person allows', async () => {
    const world = newWorld();
    await world.copy(INITIAL);
    for (const uid of [1, 2, 3]) world.source.removeMessage(['INBOX'], uid);
    const held = world.follow();
    await expect(held).rejects.toMatchObject({ code: 'DELETIONS_HELD', facts: { count: 3, copies: 40 } });
    await expect(world.follow(DELTA, { allowed: 2 })).rejects.toMatchObject({ code: 'DELETIONS_HELD' });
    expect(world.left()).toHaveLength(40);
    expect(await world.follow(DELTA, { allowed: 0 })).toEqual({ removed: 0, kept: 3 });
    expect(await world.follow(DELTA, { allowed: 3 })).toEqual({ removed: 3, kept: 0 });
    expect(world.left()).toHaveLength(37);
  });

  test('T73: counts a folder that is gone, and one that is empty', async () => {
    const world = newWorld(1_000);
    for (let n = 0; n < 12; n += 1) world.source.addMessage(['Old'], mailText(`old ${n}`));
    await world.copy(INITIAL);
    for (let uid = 1; uid <= 12; uid += 1) world.source.removeMessage(['Old'], uid);
    await expect(world.follow()).rejects.toThrow('the folder "Old" is empty at the source');
    world.source.removeFolder(['Old']);
    await expect(world.follow(THIRD)).rejects.toThrow('the folder "Old" is gone at the source');
    expect(world.left()).toHaveLength(1_012);
  });

  test('T73: a source that lists no folder deletes nothing', async () => {
    const world = newWorld();
    await world.copy(INITIAL);
    world.source.removeFolder(['INBOX']);
    await expect(world.follow()).rejects.toMatchObject({ code: 'NO_FOLDERS' });
    expect(world.left()).toHaveLength(40);
  });
});

describe('a removal that is cut short', () => {
  test.each(['before', 'after'] as const)('%s the effect: the next pass takes down what is gone', async (when) => {
    const world = newWorld();
    await world.copy(INITIAL);
    world.source.removeMessage(['INBOX'], 3);
    const { eraser } = world;
    const dying = Object.create(eraser, {
      removeExactly: {
        async value(...args: Parameters<MemoryEraser['removeExactly']>) {
          if (when === 'after') await eraser.removeExactly(...args);
          throw new MigrationError('CONNECTION_LOST', 'reset');
        },
      },
      readCopies: { value: eraser.readCopies.bind(eraser) },
    }) as MemoryEraser; // a MemoryEraser with one method of its own
    await expect(world.follow(DELTA, { openEraser: async () => dying })).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
    });
    // What moves in meanwhile must not take over a copy that may be gone.
    world.source.addMessage(['Other'], mailText('message 3'));
    await world.follow(THIRD);
    const copies = world.target.folders.flatMap(({ messages }) => messages.map(({ raw }) => raw.toString()));
    expect(copies.filter((raw) => raw === mailText('message 3'))).toHaveLength(1);
    expect(await collect(world.ledger.listRemovable(world.mailboxId))).toEqual([]);
    expect(await world.ledger.listRemovalsIntended(world.mailboxId)).toEqual([]);
    expect(await world.isVerified({ kind: 'initial', number: 4 })).toBe(true);
  });
});

test('an eraser cannot be opened without a proof', () => {
  type Proof = Parameters<EraserConnector['openEraser']>[0];
  const proof: Proof = proofOfTest();
  expect(proof).toBeDefined();
  // @ts-expect-error an object of the same look is no proof
  const forged: Proof = {};
  // @ts-expect-error null, as once MX has moved, is none
  const none: Proof = null;
  expect([forged, none]).toHaveLength(2);
});
