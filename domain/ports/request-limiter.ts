import type { ThrottleGrant, ThrottleReport } from '../throttle.ts';

/** Against whom a server counts requests: one application in one tenant, and of it one mailbox (exchange.md §3). */
export interface RequestParty {
  /** `clientId@tenantId`, or the service account and the host of an Exchange Server; in lower case. */
  readonly app: string;
  /** Address in lower case; null for a call that belongs to no mailbox (directory, administration). */
  readonly mailbox: string | null;
}

/** Keeps requests of all workers within what a server grants. */
export interface RequestLimiter {
  /**
   * Makes one request as soon as it may be made: nobody was told to wait, a place of the mailbox is free (two at first, at most
   * four; exchange.md §9.5), and its bytes fit into what may be uploaded in five minutes. Once per call, never repeated.
   *
   * What `call` throws passes through. Where that is THROTTLED, or an error with `retryAfterMs`, all workers wait: with the mailbox,
   * or with the whole application where the party has no mailbox or the error's fact `throttled` is `application`.
   *
   * @param uploadBytes  length of the body of a POST, PATCH or PUT; 0 of a read
   * @throws THROTTLED with `retryAfterMs`, `call` not having been made, where the wait is longer than a few seconds
   */
  run<T>(party: RequestParty, uploadBytes: number, signal: AbortSignal, call: () => Promise<T>): Promise<T>;
}

/** What workers know of each other's requests. */
export interface ThrottleStore {
  /**
   * Tells what this process does and wants, and learns what it may. One row of one party is locked for as long as it takes. Twice is
   * safe, but books the bytes twice.
   * @throws DATABASE_UNAVAILABLE
   */
  exchange(report: ThrottleReport): Promise<ThrottleGrant>;
}
