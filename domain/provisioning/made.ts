/** One thing that a migration made in the tenant, small enough to be taken back by itself. */
export interface MadeObject {
  readonly kind: MadeKind;
  /** The mailbox or list that it is, or that it belongs to; in lower case. */
  readonly address: string;
  /** Part number, alias, member, sender, add-on, setting; empty where the object itself is meant. */
  readonly detail: string;
}

export const MADE_KINDS = [
  'user',
  'shared-mailbox',
  'licence',
  'alias',
  'list',
  'member',
  'send-as',
  'add-on',
  'setting',
] as const;
export type MadeKind = (typeof MADE_KINDS)[number];

/**
 * - `intended`: the call was about to be made; it may have worked
 * - `made`: the tenant has it, and it is ours
 * - `undone`: taken back
 */
export type MadeState = 'intended' | 'made' | 'undone';

export interface MadeRow extends MadeObject {
  readonly state: MadeState;
  /** Of a setting: what it was before, as the tenant wrote it. */
  readonly before: string | null;
  /** RFC 3339: when it was intended. */
  readonly at: string;
}

/** Where an adapter tells what it is about to make, so that it can be taken back after a crash at any point. */
export interface ProvisioningJournal {
  /**
   * Whether an earlier attempt of ours had intended or made it: then what is there is ours.
   */
  isOurs(object: MadeObject): Promise<boolean>;
  /** Durable when it resolves. @returns whether an earlier attempt had intended or made the same */
  recordIntent(object: MadeObject, before?: string): Promise<'new' | 'known'>;
  recordMade(object: MadeObject): Promise<void>;
  /** It was certainly not made by us: nothing of ours is there. */
  recordWithdrawn(object: MadeObject): Promise<void>;
}

/** For callers that make nothing that would have to be taken back. */
export const NO_JOURNAL: ProvisioningJournal = {
  isOurs: () => Promise.resolve(false),
  recordIntent: () => Promise.resolve('new'),
  recordMade: () => Promise.resolve(),
  recordWithdrawn: () => Promise.resolve(),
};
