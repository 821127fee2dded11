import { describe, expect, test } from 'vitest';
import { MemoryEraser } from '../../adapters/memory/eraser.ts';
import { copyMailbox } from '../../domain/copy-mailbox.ts';
import { followDeletions } from '../../domain/follow-deletions.ts';
import { proofOfTest } from '../support/deletion-proof.ts';
import { ALONE, DELTA, INITIAL, mailText, newMemoryWorld } from '../support/memory-world.ts';
import { createMortality, type Death, Killed } from './dying-ports.ts';

const LIVE: Death = { atCall: Number.POSITIVE_INFINITY, when: 'before' };
const SOURCE_STREAMS = ['listFolders', 'listMessages', 'listFlags', 'listChanges', 'readMessages'] as const;
const TARGET_STREAMS = ['listFolders', 'listMessages', 'listFlags'] as const;
const LEDGER_STREAMS = ['listExceptions', 'listDelivered', 'listRemovable', 'listDeviations'] as const;

/** Two messages are deleted, one is moved, one is new. */
async function newWorld() {
  const world = newMemoryWorld();
  for (let n = 1; n <= 60; n += 1) world.source.addMessage(['INBOX'], mailText(`message ${n}`));
  world.target.addMessage(['INBOX'], mailText('of the target'));
  await world.copy(INITIAL);
  for (const uid of [3, 4]) world.source.removeMessage(['INBOX'], uid);
  world.source.moveMessage(['INBOX'], 5, ['Moved']);
  world.source.addMessage(['INBOX'], mailText('new'));
  return world;
}

type World = Awaited<ReturnType<typeof newWorld>>;

async function delta(world: World, death: Death = LIVE) {
  const { mailboxId } = world;
  const mortality = createMortality(death);
  const source = mortality.wrap('source', world.source.openSource(), SOURCE_STREAMS);
  const target = mortality.wrap('target', world.target.openTarget(), TARGET_STREAMS);
  const ledger = mortality.wrap('ledger', world.ledger, LEDGER_STREAMS);
  const eraser = mortality.wrap('eraser', new MemoryEraser(world.target), ['readCopies']);
  const signal = new AbortController().signal;
  const run = async () => {
    const lease = await ledger.takeLease(mailboxId, 'worker');
    const pass = { source, target, ledger, lease, pass: DELTA, signal };
    await copyMailbox({ ...pass, ...ALONE, mailbox: { id: mailboxId, mapping: {} } });
    await followDeletions({
      ...pass,
      allowed: null,
      prove: async () => proofOfTest(),
      openEraser: async () => eraser,
    });
  };
  return { mortality, done: run() };
}

function seen({ target }: World): string[] {
  return target.folders
    .flatMap(({ path, messages }) => messages.map(({ raw }) => `${path.join('/')} ${raw.toString()}`))
    .toSorted();
}

const clean = await newWorld();
const run = await delta(clean);
await run.done;
const calls = run.mortality.calls();

test('a delta that lives removes the two that were deleted, and nothing else', () => {
  expect(seen(clean)).toHaveLength(60);
  expect(run.mortality.names).toContain('eraser.removeExactly');
});

describe.each(['before', 'after'] as const)('killed %s a call', (when) => {
  test.each(Array.from({ length: calls }, (_, n) => n + 1))(
    'call %i: the next run ends in the same mailbox',
    async (atCall) => {
      const world = await newWorld();
      const death = await delta(world, { atCall, when });
      await expect(death.done).rejects.toThrow(Killed);
      await (await delta(world)).done;
      expect(seen(world)).toEqual(seen(clean));
      expect(await world.ledger.listRemovalsIntended(world.mailboxId)).toEqual([]);
      expect(await world.verify({ kind: 'initial', number: 9 })).toMatchObject({ lost: 0, doubled: 0 });
    },
  );
});
