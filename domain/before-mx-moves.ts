import type { MigrationView } from './migration-view.ts';
import type { Pass } from './passes.ts';

declare const proof: unique symbol;

/**
 * Proof that new mail does not come to the target yet. Whoever removes anything there has to show one (domain/ports/eraser.ts), and
 * only {@link beforeMxMoves} makes them: so no code path that begins after MX has moved can delete (T72). Good for one moment:
 * ask anew before each removal.
 */
export interface BeforeMxMoves {
  readonly [proof]: true;
}

/**
 * @param view  as the workflow published it last; it does so when a step or a pass begins, before that does anything
 * @returns null from the moment on when mail may come to the target: A7 has begun (there the client publishes the new MX), with a
 *          third-party filter C2 has (there it is pointed at the target), without DNS the gate of C2 is asked; in any pass but a delta,
 *          since before it nothing was copied and after it the old server is left, and in one that the story is not in any more; and
 *          where nothing is known
 */
export function beforeMxMoves(
  view: Pick<MigrationView, 'status' | 'steps' | 'dnsPath' | 'openGate' | 'pass'> | null,
  pass: Pass,
): BeforeMxMoves | null {
  if (view === null || view.status !== 'running') return null;
  if (pass.kind !== 'delta' || view.pass?.kind !== pass.kind || view.pass.number !== pass.number) return null;
  const { A7, C2, C5, C7, D1 } = view.steps;
  if ([C5, C7, D1].some(({ status }) => status !== 'ahead')) return null;
  if (!isBefore()) return null;
  return {} as BeforeMxMoves; // the one place that makes them

  function isBefore(): boolean {
    switch (view?.dnsPath ?? null) {
      case 'direct':
        return A7.status === 'ahead' && C2.status === 'ahead';
      case 'third-party-filter':
        return C2.status === 'ahead';
      default:
        // Nobody but the client knows when MX moves: not before the date, which is not before the gate. The delta of C2 is before it.
        return (
          A7.status === 'not-needed' && ['ahead', 'doing', 'waiting'].includes(C2.status) && view?.openGate === null
        );
    }
  }
}
