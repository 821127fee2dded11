/** T63: mail that the target's retention moves or deletes after it was brought. */
import { expect, test } from 'vitest';
import { collect } from '../../domain/collect.ts';
import { createRoutedTarget } from '../../domain/routed-target.ts';
import { DELTA, INITIAL, type MemoryWorld, mailText, newMemoryWorld } from '../support/memory-world.ts';

const named = (world: MemoryWorld) => collect(world.ledger.listDeviations(world.mailboxId));

async function copied(options: Parameters<typeof newMemoryWorld>[0] = { showsPolicyPlaces: true }) {
  const world = newMemoryWorld(options);
  for (const subject of ['one', 'two', 'three', 'twin', 'twin']) world.source.addMessage(['INBOX'], mailText(subject));
  await world.copy(INITIAL);
  return world;
}

test('T63: what a policy has moved is named with its place, holds nothing and is not brought again', async () => {
  const world = await copied();
  world.target.moveByPolicy('archive', ['INBOX'], 1);
  world.target.moveByPolicy('recoverable-items', ['INBOX'], 2);
  expect(await world.verify(INITIAL)).toMatchObject({ lost: 0, movedByPolicy: 2, faults: 0, seen: 3 });
  expect(await named(world)).toMatchObject([
    { code: 'MOVED_BY_POLICY', uid: 1, targetUid: 1, detail: 'It lies in "INBOX" of the archive.' },
    { code: 'MOVED_BY_POLICY', uid: 2, targetUid: 2, detail: 'It lies in Deletions of Recoverable Items.' },
  ]);
  expect(await world.copy(DELTA)).toMatchObject({ moved: 0 });
  expect((await world.ledger.tallyFolders(world.mailboxId))[0]?.tally).toMatchObject({ copied: 5, lost: 0 });
  // The pass delivered nothing, so nothing is looked for, and what was told stays told.
  expect(await world.verify(DELTA)).toMatchObject({ faults: 0, movedByPolicy: 0 });
  expect(await named(world)).toHaveLength(2);
});

test('T63: a message that is really lost stays so, and one in the archive makes up for one of its twins only', async () => {
  const world = await copied();
  world.target.removeMessage(['INBOX'], 1);
  world.target.moveByPolicy('archive', ['INBOX'], 4);
  world.target.removeMessage(['INBOX'], 5);
  expect(await world.verify(INITIAL)).toMatchObject({ lost: 2, movedByPolicy: 1, faults: 2 });
  expect((await named(world)).map(({ code }) => code).toSorted()).toEqual([
    'MESSAGE_LOST',
    'MESSAGE_LOST',
    'MOVED_BY_POLICY',
  ]);
  expect(await world.copy(DELTA)).toMatchObject({ moved: 2 });
});

test('T63: no archive is read while nothing is lost', async () => {
  const world = await copied();
  world.target.moveByPolicy('archive', ['INBOX'], 1);
  world.target.addMessage(['Elsewhere'], mailText('one'));
  let looks = 0;
  world.target.before = (operation) => {
    if (operation === 'listPolicyPlaces') looks += 1;
  };
  expect(await world.verify(INITIAL)).toMatchObject({ misfiled: 1, movedByPolicy: 0 });
  expect(looks).toBe(0);
  world.target.removeMessage(['Elsewhere'], 1);
  expect(await world.verify(INITIAL)).toMatchObject({ misfiled: 0, movedByPolicy: 1 });
  expect(looks).toBe(1);
});

test('T63: places that the first route does not show are looked at by another one, once each', async () => {
  const world = await copied({});
  world.target.moveByPolicy('archive', ['INBOX'], 1);
  world.target.moveByPolicy('recoverable-items', ['INBOX'], 2);
  expect(await world.verify(INITIAL)).toMatchObject({ lost: 2, movedByPolicy: 0 });
  const offer = { fidelity: 'bytes', maxMessageBytes: null, keepsSignatures: true } as const;
  const routed = () => {
    const way = (fidelity: 'bytes' | 'content') => ({
      offer: { ...offer, route: 'ews', fidelity } as const,
      open: async () => world.target.openTarget({ route: 'ews', fidelity, showsPolicyPlaces: true }),
      sameUids: true,
    });
    const main = world.target.openTarget();
    return createRoutedTarget(main, { ...offer, route: 'imap' }, [way('bytes'), way('content')]);
  };
  const places: string[][] = [];
  for await (const { place, fidelity } of routed().listPolicyPlaces?.() ?? []) places.push([place, fidelity]);
  expect(places).toEqual([
    ['archive', 'bytes'],
    ['recoverable-items', 'bytes'],
  ]);
  expect(await world.verify(INITIAL, { target: routed() })).toMatchObject({ lost: 0, movedByPolicy: 2, faults: 0 });
});

test('T63: copies that the target wrote anew are known in the archive by what they say', async () => {
  const world = await copied({ fidelity: 'content', route: 'ews', showsPolicyPlaces: true });
  world.target.moveByPolicy('archive', ['INBOX'], 3);
  expect(await world.verify(INITIAL)).toMatchObject({ lost: 0, movedByPolicy: 1, faults: 0 });
});

test.each(['content', 'parts'] as const)(
  'T63: what went by IMAP is known in a place that is shown with the %s of messages only, by its original',
  async (fidelity) => {
    const world = await copied({});
    world.target.moveByPolicy('archive', ['INBOX'], 1);
    world.target.removeMessage(['INBOX'], 2);
    const offer = { fidelity: 'bytes', maxMessageBytes: null, keepsSignatures: true } as const;
    const routed = () =>
      createRoutedTarget(world.target.openTarget(), { ...offer, route: 'imap' }, [
        {
          offer: { ...offer, route: 'graph-json', fidelity },
          open: async () => world.target.openTarget({ route: 'graph-json', fidelity, showsPolicyPlaces: true }),
          sameUids: true,
        },
      ]);
    expect(await world.verify(INITIAL, { target: routed() })).toMatchObject({ lost: 2, movedByPolicy: 0 });
    const openSource = async () => ({ source: world.source.openSource(), close: async () => undefined });
    expect(await world.verify(INITIAL, { target: routed(), openSource })).toMatchObject({ lost: 1, movedByPolicy: 1 });
    expect((await named(world)).map(({ code, uid }) => [code, uid])).toEqual([
      ['MESSAGE_LOST', 2],
      ['MOVED_BY_POLICY', 1],
    ]);
  },
);
