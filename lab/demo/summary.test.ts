import { describe, expect, test } from 'vitest';
import type { StepState } from '../../domain/steps.ts';
import { sentenceOf } from './story.ts';
import { summarise } from './summary.ts';

const tally = { source: 2, copied: 2, lost: 0, doubled: 0 };

describe('the evidence of a gate on screen', () => {
  test('adds the mailboxes up and tells each step in a line', () => {
    const evidence = {
      totals: {},
      mailboxes: [
        { address: 'a@example.test', ...tally },
        { address: 'b@example.test', ...tally, lost: 1 },
      ],
      steps: { B1: { pass: 'initial-1', moved: 4 } },
      cutover: { at: '2026-11-23T14:43:22.444Z' },
    };
    expect(summarise(evidence).split('\n')).toEqual([
      'evidence: 2 mailboxes, 4 messages at the source, 4 copied, 1 lost, 0 doubled',
      'B1: initial-1 moved 4 messages',
      'cutover: 2026-11-23 15:43:22 CET',
    ]);
  });

  test('names the first mailboxes and counts the others', () => {
    const mailboxes = Array.from({ length: 8 }, (_, index) => ({ address: `u${index}@example.test` }));
    expect(summarise({ mailboxes })).toMatch(/^evidence: u0@example\.test, .*u5@example\.test, 2 more$/);
  });

  test('is empty where there is none', () => {
    expect(summarise(null)).toBe('');
  });
});

describe('the line of a step', () => {
  const step = (over: Partial<StepState>): StepState => ({
    ...{ status: 'done', waitingFor: [], note: '', evidenceId: null, changedAt: null },
    ...over,
  });

  test('tells a title once', () => {
    expect(sentenceOf('B4', step({ note: 'Outlook profiles: acknowledged by dana' }))).toBe(
      'Outlook profiles: acknowledged by dana',
    );
  });

  test('tells once who is waited for', () => {
    const note = 'gate cutover is open, evidence e150754f250a; client and operator decide';
    expect(sentenceOf('C2', step({ status: 'waiting', waitingFor: ['client', 'provider'], note }))).toBe(
      'Cutover: gate cutover is open, evidence e150754f250a (waiting for client and provider)',
    );
  });

  test('tells the time as the client has it', () => {
    expect(sentenceOf('A4', step({ note: 'cutover at 2026-07-01T10:00:00.000Z' }))).toBe(
      'Cutover date: cutover at 2026-07-01 12:00 CEST',
    );
  });
});
