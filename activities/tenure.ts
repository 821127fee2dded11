import { MigrationError } from '../domain/errors.ts';
import { LEASE_RENEWAL_MS, LEASE_VALID_MS, type Lease, type Ledger } from '../domain/ports/ledger.ts';

/** How soon it is seen that a lease has run out: the next holder begins no earlier than that (LEASE_VALID_MS after our renewal). */
const LOOK_EVERY_MS = 250;

/** A lease that is kept alive while it is used. */
export interface Tenure {
  readonly lease: Lease;
  /**
   * False when the lease may be another's by now: it was lost, or could not be renewed in time, or this process slept. Cheap: asked
   * before each piece of an APPEND.
   */
  mayWrite(): boolean;
  /**
   * Aborts with LEASE_LOST when a newer holder has taken the mailbox over, or the lease could not be renewed in time: what the kernel
   * still holds for the target must not arrive when a dead line comes back.
   */
  readonly signal: AbortSignal;
  /** Gives the mailbox back. Twice is the same as once; never throws. */
  end(): Promise<void>;
}

/**
 * Takes a mailbox and renews the lease until it is ended. Time is counted from before each renewal was sent, so the database,
 * which counts from when it came, always takes the lease for valid at least as long as we do.
 * @throws NOT_FOUND
 */
export async function takeTenure(ledger: Ledger, mailboxId: string, holder: string): Promise<Tenure> {
  let renewedAt = performance.now();
  const lease = await ledger.takeLease(mailboxId, holder);
  const lost = new AbortController();
  const lose = (error: MigrationError) => {
    clearInterval(timer);
    clearInterval(watch);
    lost.abort(error);
  };
  const isValid = () => performance.now() - renewedAt < LEASE_VALID_MS;
  const timer = setInterval(async () => {
    const askedAt = performance.now();
    try {
      await ledger.renewLease(lease);
      renewedAt = Math.max(renewedAt, askedAt);
    } catch (error) {
      // A database that does not answer may come back in time; until then the clock runs.
      if (!(error instanceof MigrationError) || error.code !== 'LEASE_LOST') return;
      lose(error);
    }
  }, LEASE_RENEWAL_MS);
  const watch = setInterval(() => {
    if (isValid()) return;
    lose(new MigrationError('LEASE_LOST', 'The lease could not be renewed in time.', { facts: { mailboxId } }));
  }, LOOK_EVERY_MS);
  timer.unref();
  watch.unref();
  return {
    lease,
    mayWrite: () => !lost.signal.aborted && isValid(),
    signal: lost.signal,
    async end() {
      clearInterval(timer);
      clearInterval(watch);
      await ledger.releaseLease(lease).catch(() => undefined); // it runs out by itself
    },
  };
}
