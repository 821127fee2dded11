import { describe, expect, test } from 'vitest';
import { beforeMxMoves } from './before-mx-moves.ts';
import { PASS_KINDS } from './passes.ts';
import { STEP_IDS, type StepId, type StepState, type StepStatus } from './steps.ts';

type View = Parameters<typeof beforeMxMoves>[0];
const COUNTS = { done: 0, total: 1, held: 0 };
const DELTA = { kind: 'delta', number: 2 } as const;
const STATUSES: readonly StepStatus[] = ['ahead', 'doing', 'waiting', 'done', 'not-needed'];

function view(statuses: Partial<Record<StepId, StepStatus>>, changes: Partial<NonNullable<View>> = {}): View {
  const stateOf = (id: StepId): StepState => {
    return { status: statuses[id] ?? 'ahead', waitingFor: [], note: '', evidenceId: null, changedAt: null };
  };
  const steps = Object.fromEntries(STEP_IDS.map((id) => [id, stateOf(id)])) as Record<StepId, StepState>; // its keys
  return { status: 'running', steps, dnsPath: null, openGate: null, pass: { ...DELTA, ...COUNTS }, ...changes };
}

const gate = { gate: 'cutover', gateId: 'g', digest: 'd' } as const;

describe('a proof that MX has not moved', () => {
  test('is given to deltas only, and to none of a migration of which nothing is known', () => {
    const given = PASS_KINDS.filter((kind) => {
      const pass = { kind, number: 2 };
      return beforeMxMoves(view({ A7: 'not-needed' }, { pass: { ...pass, ...COUNTS } }), pass) !== null;
    });
    expect(given).toEqual(['delta']);
    expect(beforeMxMoves(null, DELTA)).toBeNull();
  });

  test('T72: is not given to a pass that the story is not in any more', () => {
    const early = { A7: 'not-needed' } as const;
    expect(beforeMxMoves(view(early), { kind: 'delta', number: 1 })).toBeNull();
    expect(beforeMxMoves(view(early, { pass: null }), DELTA)).toBeNull();
    expect(beforeMxMoves(view(early, { pass: { kind: 'final', number: 2, ...COUNTS } }), DELTA)).toBeNull();
  });

  test('T72: with MX of our own is not given from the moment on when A7 begins', () => {
    const given = STATUSES.filter((A7) => beforeMxMoves(view({ A7 }, { dnsPath: 'direct' }), DELTA) !== null);
    expect(given).toEqual(['ahead']);
  });

  test('T72: with a filter in front is given through A7, and not from the moment on when C2 begins', () => {
    const filter = { dnsPath: 'third-party-filter' } as const;
    expect(beforeMxMoves(view({ A7: 'done' }, filter), DELTA)).not.toBeNull();
    const given = STATUSES.filter((C2) => beforeMxMoves(view({ A7: 'done', C2 }, filter), DELTA) !== null);
    expect(given).toEqual(['ahead']);
  });

  test('T72: without DNS is given to the delta of C2, and not once its gate is open', () => {
    const given = STATUSES.filter((C2) => beforeMxMoves(view({ A7: 'not-needed', C2 }), DELTA) !== null);
    expect(given).toEqual(['ahead', 'doing', 'waiting']);
    expect(beforeMxMoves(view({ A7: 'not-needed', C2: 'doing' }, { openGate: gate }), DELTA)).toBeNull();
  });

  test.each(['C5', 'C7', 'D1'] as const)('T72: is not given when %s has begun, whatever else is said', (id) => {
    for (const dnsPath of [null, 'direct', 'third-party-filter'] as const) {
      for (const A7 of STATUSES) expect(beforeMxMoves(view({ A7, [id]: 'doing' }, { dnsPath }), DELTA)).toBeNull();
    }
  });

  test.each(['draft', 'paused', 'completed', 'in-support', 'ended', 'cancelled'] as const)(
    'is not given to a migration that is %s',
    (status) => {
      expect(beforeMxMoves(view({ A7: 'not-needed' }, { status }), DELTA)).toBeNull();
    },
  );
});
