/** One pass reads a source mailbox once and moves what is new. */
export const PASS_KINDS = ['initial', 'delta', 'final', 'straggler'] as const;
export type PassKind = (typeof PASS_KINDS)[number];

export interface Pass {
  readonly kind: PassKind;
  /** Counts from 1 over all passes of a migration, so it orders them. */
  readonly number: number;
}

/** `initial-1`, `delta-2`, …: stands in workflow ids and reports. */
export function passName(pass: Pass): string {
  return `${pass.kind}-${pass.number}`;
}
