import { replaceNul } from './fingerprint.ts';

export interface Repaired {
  readonly raw: Buffer;
  /** What was changed and why, as the report says it; null where the message goes as it is. */
  readonly detail: string | null;
}

/**
 * The least that must change before a message can be appended anywhere: NUL becomes 0x80, as Dovecot itself does, since no
 * IMAP literal may carry it (RFC 9051 §9, CHAR8 is %x01-ff). The fingerprint stays the same, and twice is the same as once.
 */
export function repairForAppend(raw: Buffer): Repaired {
  const repaired = replaceNul(raw);
  if (repaired === raw) return { raw, detail: null };
  return { raw: repaired, detail: 'NUL bytes were replaced by 0x80, since no IMAP literal may carry them.' };
}
