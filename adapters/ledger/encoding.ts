import { createHash, randomBytes } from 'node:crypto';
import canonicalize from 'canonicalize';
import { type RawBuilder, sql } from 'kysely';
import type { Json } from '../../domain/ports/store.ts';

/** `mbx_3f…`: opaque, 96 bits, safe in URLs, workflow ids and on a command line. */
export function newId(prefix: string): string {
  return `${prefix}_${randomBytes(12).toString('hex')}`;
}

/** 256 bits of base64url: what links and operators carry. */
export function newToken(): string {
  return randomBytes(32).toString('base64url');
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Canonical JSON of RFC 8785: equal values give equal bytes, whatever the order of their keys. */
export function canonicalJson(value: Json): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('not a JSON value');
  return text;
}

/**
 * JSON that PostgreSQL accepts. Servers send folder names and keywords with NUL or half of a surrogate pair in them, which JSON
 * may hold but `text` and `jsonb` refuse (manual §8.14), so both become U+FFFD.
 */
export function storableJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => (typeof part === 'string' ? storableText(part) : part));
}

export function storableText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD');
}

/** A jsonb parameter. pg turns arrays into PostgreSQL arrays, so JSON is always sent as text. */
export function jsonb<T>(value: T): RawBuilder<T> {
  return sql<T>`${storableJson(value)}::jsonb`;
}
