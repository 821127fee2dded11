import { describe, expect, test } from 'vitest';
import { type CountedDecision, judgeGate, missingParties } from './gates.ts';

const decision = (over: Partial<CountedDecision>): CountedDecision => ({
  decisionId: 'dec_1',
  digest: 'd1',
  party: 'client',
  personId: 'anna',
  verdict: 'approve',
  ...over,
});

describe('a gate', () => {
  test('stays open without a decision', () => {
    expect(judgeGate('accounts', 'd1', [])).toBe('open');
  });
  test('opens for the client alone where the client alone decides', () => {
    expect(judgeGate('data', 'd1', [decision({})])).toBe('approved');
  });
  test('needs client and operator at cutover', () => {
    expect(judgeGate('cutover', 'd1', [decision({})])).toBe('open');
    expect(judgeGate('cutover', 'd1', [decision({}), decision({ party: 'operator', personId: 'op_1' })])).toBe(
      'approved',
    );
  });
  test('does not let one person take both seats', () => {
    const both = [decision({}), decision({ party: 'operator', personId: 'anna' })];
    expect(judgeGate('completion', 'd1', both)).toBe('open');
    expect(missingParties('completion', both)).toEqual(['operator']);
  });
  test('ignores approvals of other evidence', () => {
    expect(judgeGate('data', 'd2', [decision({})])).toBe('open');
  });
  test('is rejected by one rejection, whatever else was said', () => {
    expect(
      judgeGate('cutover', 'd1', [decision({}), decision({ party: 'operator', personId: 'op_1', verdict: 'reject' })]),
    ).toBe('rejected');
  });
  test('is not opened by an acknowledgement', () => {
    expect(judgeGate('data', 'd1', [decision({ verdict: 'acknowledge' })])).toBe('open');
  });
});
