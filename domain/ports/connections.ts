/** Limits that hold over all workers and all migrations, and what a server said to a sign-in. */

/** One of the connections that a host grants. */
export interface HostPlace {
  /** Twice is the same as once; never throws. */
  release(): Promise<void>;
}

export interface HostConnections {
  /**
   * Takes one of `limit` places at a host. A place whose holder has died is free again within half a minute.
   * @param host  `name:port` in lower case
   * @returns null when all are taken; who then waits says so by `waits`, and holders of spare places give them back.
   */
  findPlace(host: string, limit: number, waits: boolean): Promise<HostPlace | null>;
  /** Somebody has no place at all there: spare ones should be released. Answers from memory, at most a second old. */
  isWanted(host: string): Promise<boolean>;
}

/** How much a server lets be read of one account in a day, over all workers (Gmail: 2,500 MB, T61). */
export interface DailyReads {
  /**
   * Books what is about to be read, before it is read: a worker that dies has at most booked too much. The first of a day always
   * fits.
   * @param account  as {@link accountName} gives it
   * @returns null when it is booked, else milliseconds until there is room again
   */
  book(account: string, bytes: number, limitBytes: number): Promise<number | null>;
}

/** Remembers refused passwords, so that each is tried once and no account is locked by us (T60). */
export interface SignIns {
  /** @param account  `user@host:port`; `secret` is kept only as a keyed digest. */
  isRefused(account: string, secret: string): Promise<boolean>;
  recordRefused(account: string, secret: string): Promise<void>;
  /** A person asked for another try. */
  forget(account: string): Promise<void>;
}

/** `user@host:port`: one account over all migrations. */
export function accountName(endpoint: { readonly host: string; readonly port: number }, user: string): string {
  return `${user}@${endpoint.host}:${endpoint.port}`.toLowerCase();
}
