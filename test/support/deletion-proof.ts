import { type BeforeMxMoves, beforeMxMoves } from '../../domain/before-mx-moves.ts';
import type { MigrationView } from '../../domain/migration-view.ts';
import type { Pass } from '../../domain/passes.ts';
import { testView } from './plans.ts';

/** As at a plain IMAP target before its cutover. */
export function viewBeforeMxMoves(pass: Pass): MigrationView {
  const view = testView({ pass: { ...pass, done: 0, total: 1, held: 0 } });
  return { ...view, steps: { ...view.steps, A7: { ...view.steps.A7, status: 'not-needed' } } };
}

export function proofOfTest(): BeforeMxMoves {
  const pass: Pass = { kind: 'delta', number: 2 };
  const proof = beforeMxMoves(viewBeforeMxMoves(pass), pass);
  if (proof === null) throw new Error('MX has not moved yet');
  return proof;
}
