import { canonicalFingerprintOf } from './canonical-fingerprint.ts';
import { fingerprintOf } from './fingerprint.ts';
import type { Content } from './verify-context.ts';
import { unwrapMessage } from './wrap.ts';

export function contentOf(raw: Buffer): Content {
  const wrapped = unwrapMessage(raw);
  return { canonical: canonicalFingerprintOf(raw), wrapped: wrapped === null ? null : fingerprintOf(wrapped) };
}

/**
 * Whether a copy whose bytes are not those that were sent still says what the original says: the target wrote it anew. A message and
 * its repair have one canonical fingerprint, and a stub has the original attached.
 */
export function isSameContent(copy: Content, original: Buffer): boolean {
  if (copy.wrapped !== null && copy.wrapped === fingerprintOf(original)) return true;
  return copy.canonical === canonicalFingerprintOf(original);
}
