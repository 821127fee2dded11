import { describe, expect, test } from 'vitest';
import type { Pass } from '../../domain/passes.ts';
import { verifyMailbox } from '../../domain/verify-mailbox.ts';
import {
  CHANGES,
  copy,
  countSubjects,
  MAILBOX,
  newWorld,
  PASSES,
  seen,
  type Variant,
  type World,
} from './copy-world.ts';
import { Killed } from './dying-ports.ts';

/**
 * Every port call of every pass is died at where one lane copies to a target without mail. Elsewhere there are some hundred calls
 * more in the same order of things, so every third is taken, from another one on in each variant.
 */
const SAMPLE = 3;

/** Brings a world to the moment before a pass. */
async function worldBefore(variant: Variant, at: number): Promise<World> {
  const world = newWorld(variant);
  for (const [before, pass] of PASSES.slice(0, at).entries()) {
    CHANGES[before]?.(world);
    await copy(world, pass);
  }
  CHANGES[at]?.(world);
  return world;
}

/** Nothing is lost, doubled or left open, by the source itself, by a second reading and by the ledger; and nothing is left to do. */
async function expectSound(world: World, pass: Pass, { foreign }: Variant) {
  const there = countSubjects(world.target);
  for (const [subject, count] of countSubjects(world.source)) {
    expect(there.get(subject) ?? 0, subject).toBeGreaterThanOrEqual(count);
  }
  const lease = await world.ledger.takeLease(MAILBOX.id, 'verifier');
  const target = world.target.openTarget();
  const signal = new AbortController().signal;
  const lanes = { open: async () => null, pace: world.pace };
  const where = { target, ledger: world.ledger, lease, mailboxId: MAILBOX.id };
  const verified = await verifyMailbox({ ...where, pass, signal, lanes });
  expect(verified).toMatchObject({ faults: 0, datesMoved: 0, flagsLost: 0 });
  for (const { exists, unfinished, tally } of await world.ledger.tallyFolders(MAILBOX.id)) {
    expect(unfinished).toBe(0);
    expect(tally.copied + tally.repaired + tally.alreadyThere).toBe(exists);
  }
  const before = seen(world);
  const { report } = await copy(world, { kind: 'delta', number: pass.number + 1 });
  expect(report).toMatchObject({ copied: 0, repaired: 0, wrapped: 0, alreadyThere: 0, bytes: 0, reflagged: 0 });
  expect(seen(world)).toEqual(before);
  expect(Object.values(before).flat()).toHaveLength(Number(COPIES[pass.number - 1]) + (foreign ? 1 : 0));
}

/** Messages that the source has had so far, one for each that was ever copied. */
const COPIES = [8, 11, 12];

const IMAP = [true, false].flatMap((reportsUid) =>
  [true, false].flatMap((appendsMany) =>
    [0, 3].flatMap((spareLanes) =>
      [false, true].map((foreign): [string, Variant] => {
        const name = [
          `${reportsUid ? 'with' : 'without'} UIDPLUS`,
          `${appendsMany ? 'with' : 'without'} MULTIAPPEND`,
          spareLanes > 0 ? 'on four lanes' : 'on one lane',
          foreign ? 'beside mail of another tool' : 'that is empty',
        ];
        return [name.join(', '), { target: { reportsUid, appendsMany }, spareLanes, foreign }];
      }),
    ),
  ),
);

/** Targets that keep a key, give back other bytes than they were given, or show them late. */
const REWRITING: readonly (readonly [string, Variant['target'], number, boolean])[] = [
  ['with keys that keeps the content', { keys: true, fidelity: 'content' }, 0, true],
  ['with keys that keeps the content, on four lanes', { keys: true, fidelity: 'content' }, 3, false],
  [
    'with keys that keeps the parts and shows them late',
    { keys: true, fidelity: 'parts', visibleAfterMs: 30_000 },
    0,
    true,
  ],
  ['with keys without UIDs', { keys: true, fidelity: 'parts', reportsUid: false }, 0, false],
  ['without keys that keeps the content and shows it late', { fidelity: 'content', visibleAfterMs: 30_000 }, 0, false],
  ['without keys and UIDs that keeps the content', { fidelity: 'content', reportsUid: false }, 3, true],
];

const VARIANTS: readonly (readonly [string, Variant])[] = [
  ...IMAP,
  ...REWRITING.map(([name, target, spareLanes, foreign]) => {
    return [name, { target: { appendsMany: false, ...target }, spareLanes, foreign }] as const;
  }),
];

describe.each(VARIANTS)('a copy to a target %s', async (name, variant) => {
  const clean = newWorld(variant);
  const runs: {
    readonly at: number;
    readonly pass: Pass;
    readonly names: readonly string[];
    readonly after: unknown;
  }[] = [];
  for (const [at, pass] of PASSES.entries()) {
    CHANGES[at]?.(clean);
    const { report, names } = await copy(clean, pass);
    runs.push({ at, pass, names, after: seen(clean) });
    test(`brings in the ${pass.kind} pass what is new`, () => {
      expect(report.moved + report.alreadyThere).toBe(at === 0 ? 8 : at === 1 ? 5 : 2);
      expect(report.repaired).toBe(at === 0 ? 1 : 0);
    });
  }
  test('is sound when nothing dies', () => expectSound(clean, PASSES[2], variant));

  const isWhole = variant.spareLanes === 0 && !variant.foreign && variant.target.fidelity === undefined;
  const offset = VARIANTS.findIndex(([each]) => each === name);
  for (const { at, pass, names, after } of runs) {
    const calls = names.map((call, index) => [index + 1, call] as const);
    const chosen = calls.filter(([call]) => isWhole || (call + offset) % SAMPLE === 0);
    for (const when of ['before', 'after'] as const) {
      test.each(chosen)(
        `killed ${when} call %i (%s) of the ${pass.kind} pass, the next run ends in the same mailbox`,
        async (atCall) => {
          const world = await worldBefore(variant, at);
          await expect(copy(world, pass, { atCall, when })).rejects.toThrow(Killed);
          await copy(world, pass);
          expect(seen(world)).toEqual(after);
          await expectSound(world, pass, variant);
        },
      );
    }
  }
});
