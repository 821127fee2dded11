import type { RedirectionMeans } from '../redirection.ts';
import type { Json } from './store.ts';

/** What was in the tenant before redirection touched it, so that it can be put back. Of one migration. */
export interface RedirectionMemory {
  /** Null where nothing was recorded, or it was put back already. */
  find(object: string): Promise<Json | null>;
  /** Objects whose former state is recorded, in the order of their names. */
  list(): Promise<readonly string[]>;
  /** Durable before the object is changed. The first record stays: a later attempt sees what the first one made. */
  record(object: string, before: Json): Promise<void>;
  /** It was put back and read back. Twice is the same as once. */
  forget(object: string): Promise<void>;
}

/** A time in which a means was on; RFC 3339 UTC. */
export interface RedirectionPeriod {
  readonly means: RedirectionMeans;
  readonly since: string;
  /** Null while it is on. */
  readonly until: string | null;
}

/** What is remembered of redirection beyond one activity. */
export interface Redirections {
  memory(migrationId: string): RedirectionMemory;
  /** Before a means is switched on. Idempotent while it is on: the earliest time stays. */
  recordOn(migrationId: string, means: RedirectionMeans): Promise<void>;
  /** After everything was switched off and read back. Idempotent. */
  recordOff(migrationId: string): Promise<void>;
  /** In order of time. */
  listPeriods(migrationId: string): Promise<readonly RedirectionPeriod[]>;
}
