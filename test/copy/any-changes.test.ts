import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPostgresLedger } from '../../adapters/ledger/ledger.ts';
import { MemoryLedger } from '../../adapters/memory/ledger.ts';
import type { Pace } from '../../domain/lanes.ts';
import type { FolderPath } from '../../domain/mail.ts';
import type { Pass } from '../../domain/passes.ts';
import type { Ledger } from '../../domain/ports/ledger.ts';
import { createMortality, Killed } from '../kill/dying-ports.ts';
import { CopyStage } from '../support/copy-stage.ts';
import { fakePace, mailText, newWorldOn, spareLanes } from '../support/memory-world.ts';

const FOLDERS: readonly FolderPath[] = [['INBOX'], ['Sent'], ['Archive'], ['Archive', '2025']];
const SUBJECTS = ['a', 'b', 'c', 'twin'] as const;
const FLAGS = ['\\Seen', '\\Flagged', '\\Answered', '$Label1'] as const;

const folder = fc.constantFrom(...FOLDERS);
const place = fc.nat(7);
const change = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('add' as const), folder, subject: fc.constantFrom(...SUBJECTS) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), folder, place }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('move' as const), folder, place, to: folder }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('flag' as const), folder, place, flags: fc.subarray([...FLAGS]) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('renumber' as const), folder }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rename' as const), folder }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('pass' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('killed pass' as const), atCall: fc.integer({ min: 1, max: 60 }) }),
  },
);
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

const server = fc.record({
  tracks: fc.constantFrom('nothing', 'flags', 'flags-and-vanished'),
  reportsUid: fc.boolean(),
  appendsMany: fc.boolean(),
  lanes: fc.constantFrom(0, 3),
  /** What the target gives back; not the very bytes for every second world. */
  rewrites: fc.option(
    fc.record({
      fidelity: fc.constantFrom('content', 'parts'),
      keys: fc.boolean(),
      visibleAfterMs: fc.constantFrom(0, 30_000),
    }),
    { freq: 1 },
  ),
});
type Server = typeof server extends fc.Arbitrary<infer T> ? T : never;

type World = ReturnType<typeof newWorldOn<Ledger>>;
/** A ledger with one mailbox that is new. */
type Ground = { readonly ledger: Ledger; readonly mailboxId: string };

function make({ ledger, mailboxId }: Ground, server: Server, pace: Pace): World {
  const { tracks, reportsUid, appendsMany, rewrites } = server;
  const source = { reportsModSeq: tracks !== 'nothing', reportsVanished: tracks === 'flags-and-vanished' };
  const target = { reportsUid, appendsMany, ...rewrites, clock: pace.now };
  const world = newWorldOn(ledger, mailboxId, target, source);
  for (const path of FOLDERS) world.source.addFolder(path);
  return world;
}

/** Subject → how many messages have it: it tells all texts here apart. */
function countSubjects(messages: readonly { readonly raw: Buffer }[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { raw } of messages) {
    const [, subject = ''] = /^Subject: (.*)\r$/m.exec(raw.toString()) ?? [];
    counts.set(subject, (counts.get(subject) ?? 0) + 1);
  }
  return counts;
}

const allOf = (system: World['source']) => system.folders.flatMap(({ messages }) => messages);

async function apply(world: World, step: Change, passes: { number: number }, lanes: number, pace: Pace): Promise<void> {
  const { source, target } = world;
  if (step.kind === 'pass') {
    passes.number += 1;
    const pass: Pass = { kind: passes.number === 1 ? 'initial' : 'delta', number: passes.number };
    await world.copy(pass, { lanes: { ...spareLanes(source, target, lanes), pace } });
    return;
  }
  if (step.kind === 'killed pass') {
    passes.number += 1;
    await copyAndDie(
      world,
      { kind: passes.number === 1 ? 'initial' : 'delta', number: passes.number },
      step.atCall,
      pace,
    );
    passes.number -= 1; // the next attempt is of the same pass
    return;
  }
  const found = source.folders.find(({ path }) => path.join() === step.folder.join());
  if (found === undefined) return; // renamed meanwhile
  switch (step.kind) {
    case 'add':
      source.addMessage(step.folder, mailText(step.subject));
      return;
    case 'renumber':
      source.renumber(step.folder);
      return;
    case 'rename':
      if (step.folder.join() !== 'INBOX')
        source.renameFolder(step.folder, ['Renamed', String(passes.number), step.folder.join('-')]);
      return;
    default: {
      const message = found.messages[step.place % Math.max(1, found.messages.length)];
      if (message === undefined) return;
      if (step.kind === 'remove') source.removeMessage(step.folder, message.uid);
      else if (step.kind === 'flag') source.setFlags(step.folder, message.uid, step.flags);
      else if (source.folders.some(({ path }) => path.join() === step.to.join())) {
        source.moveMessage(step.folder, message.uid, step.to);
      }
    }
  }
}

async function copyAndDie(world: World, pass: Pass, atCall: number, pace: Pace): Promise<void> {
  const mortality = createMortality({ atCall, when: atCall % 2 === 0 ? 'before' : 'after' });
  await world
    .copy(pass, {
      source: mortality.wrap('source', world.source.openSource(), [
        'listFolders',
        'listMessages',
        'listFlags',
        'listChanges',
        'readMessages',
      ]),
      target: mortality.wrap('target', world.target.openTarget(), ['listFolders', 'listMessages', 'listFlags']),
      ledger: mortality.wrap('ledger', world.ledger, ['listExceptions', 'listDelivered', 'listDeviations']),
      lanes: { open: async () => null, pace },
    })
    .catch((error: unknown) => {
      if (!(error instanceof Killed)) throw error;
    });
}

/** In memory 300 take half a second; more are run by hand. */
const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 300);
/** Each statement is a round trip to a real server: 25 take some seconds. */
const DATABASE_RUNS = Math.min(RUNS, 25);

describe('any sequence of changes and passes', () => {
  test('ends with every message at the target, none of them more often than the source ever had it', async () => {
    await expectAlwaysSound(RUNS, async () => {
      const ledger = new MemoryLedger();
      ledger.addMailbox('mbx-1');
      return { ledger, mailboxId: 'mbx-1' };
    });
  });

  describe('with the ledger on PostgreSQL', () => {
    let stage: CopyStage;
    beforeAll(async () => {
      stage = await CopyStage.open();
    });
    afterAll(() => stage?.close());

    test('ends so too', async () => {
      const ledger = createPostgresLedger(stage.database.db);
      let count = 0;
      await expectAlwaysSound(DATABASE_RUNS, async () => {
        count += 1;
        const { mailboxId } = await stage.addMailbox(`user${count}`, { source: 1, target: 2 });
        return { ledger, mailboxId };
      });
    });
  });
});

async function expectAlwaysSound(numRuns: number, newGround: () => Promise<Ground>): Promise<void> {
  await fc.assert(
    fc.asyncProperty(server, fc.array(change, { minLength: 1, maxLength: 40 }), async (options, steps) => {
      const pace = fakePace();
      const lanes = { open: async () => null, pace };
      const world = make(await newGround(), options, pace);
      const passes = { number: 0 };
      const most = new Map<string, number>();
      for (const step of steps) {
        await apply(world, step, passes, options.lanes, pace);
        for (const [subject, count] of countSubjects(allOf(world.source))) {
          most.set(subject, Math.max(count, most.get(subject) ?? 0));
        }
      }
      const last: Pass = { kind: 'final', number: passes.number + 1 };
      await world.copy(last, { lanes });
      const there = countSubjects(allOf(world.target));
      for (const [subject, count] of countSubjects(allOf(world.source))) {
        expect(there.get(subject) ?? 0).toBeGreaterThanOrEqual(count);
      }
      for (const [subject, count] of there) expect(count).toBeLessThanOrEqual(most.get(subject) ?? 0);
      expect(await world.verify(last, { lanes })).toMatchObject({ lost: 0, doubled: 0, changed: 0 });
      expect(await world.ledger.listMismatches(world.mailboxId)).toEqual([]);
      const again = await world.copy({ kind: 'final', number: last.number + 1 }, { lanes });
      expect(again).toMatchObject({ moved: 0, alreadyThere: 0, reflagged: 0, bytes: 0 });
      if (options.reportsUid) expect(await flagsAt(world)).toEqual(await flagsWanted(world));
    }),
    { numRuns },
  );
}

/** `folder/uid` of a copy → its flags, for copies that the ledger knows. */
async function flagsAt(world: World): Promise<Map<string, string>> {
  const flags = new Map<string, string>();
  for (const { path, messages } of world.target.folders) {
    for (const message of messages) flags.set(`${path.join('/')} ${message.uid}`, message.flags.toSorted().join(' '));
  }
  const known = new Map<string, string>();
  for (const key of (await flagsWanted(world)).keys()) known.set(key, flags.get(key) ?? 'not there');
  return known;
}

async function flagsWanted(world: World): Promise<Map<string, string>> {
  const wanted = new Map<string, string>();
  const folders = new Map((await world.ledger.listFolders(world.mailboxId)).map((entry) => [entry.id, entry]));
  for (const path of await world.ledger.listTargetPaths(world.mailboxId)) {
    for await (const copy of world.ledger.listDelivered(world.mailboxId, path, 1)) {
      const entry = folders.get(copy.folderId);
      const source = world.source.folders.find((each) => each.path.join() === entry?.sourcePath.join());
      const message = source?.messages.find(({ uid }) => uid === copy.uid);
      if (message === undefined || source?.uidValidity !== copy.uidValidity) continue;
      wanted.set(`${path.join('/')} ${copy.targetUid}`, message.flags.toSorted().join(' '));
    }
  }
  return wanted;
}
