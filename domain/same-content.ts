import { canonicalFingerprintOf, textFingerprintOf } from './canonical-fingerprint.ts';
import { fingerprintOf } from './fingerprint.ts';
import { findField } from './mime/fields.ts';
import { messageFields } from './mime/message-header.ts';
import type { Content } from './verify-context.ts';
import { unwrapMessage } from './wrap.ts';

export function contentOf(raw: Buffer): Content {
  const wrapped = unwrapMessage(raw);
  return {
    canonical: canonicalFingerprintOf(raw),
    text: textFingerprintOf(raw),
    wrapped: wrapped === null ? null : fingerprintOf(wrapped),
  };
}

/**
 * Whether a copy whose bytes are not those that were sent still says what the original says: the target wrote it anew. A message and
 * its repair have one canonical fingerprint, and a stub has the original attached. What the original does not have, a sender or a date,
 * the target may have given it.
 */
export function isSameContent(copy: Content, original: Buffer): boolean {
  if (copy.wrapped !== null && copy.wrapped === fingerprintOf(original)) return true;
  if (copy.canonical === canonicalFingerprintOf(original)) return true;
  const fields = messageFields(original);
  const isUnfinished = ['date', 'from'].some((name) => findField(fields, name) === undefined);
  return isUnfinished && copy.text === textFingerprintOf(original);
}
