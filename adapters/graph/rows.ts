import { createHash } from 'node:crypto';
import { segment } from './graph.ts';
import { type Json, objectOf } from './mailbox-calls.ts';
import { samePropertyId } from './property-ids.ts';

/** A value in the query of a path. */
export function query(parameters: Readonly<Record<string, string>>): string {
  return `?${Object.entries(parameters)
    .map(([name, value]) => `${name}=${segment(value)}`)
    .join('&')}`;
}

/** `$expand` that brings these MAPI properties along; they come with no other word (exchange.md §3). */
export function expandOf(ids: readonly string[]): string {
  return `singleValueExtendedProperties($filter=${ids.map((id) => `id eq '${id}'`).join(' or ')})`;
}

export function textOf(row: Json, field: string): string | null {
  const value = row[field];
  return typeof value === 'string' ? value : null;
}

export function countOf(row: Json, field: string): number {
  const value = row[field];
  return typeof value === 'number' ? value : 0;
}

export function textsOf(row: Json, field: string): readonly string[] {
  const value = row[field];
  return Array.isArray(value) ? (value as unknown[]).filter((each) => typeof each === 'string') : [];
}

export function objectOfField(row: Json, field: string): Json {
  return objectOf(row[field]);
}

export function propertyOf(row: Json, id: string): string | null {
  const properties = row['singleValueExtendedProperties'];
  for (const each of Array.isArray(properties) ? (properties as unknown[]) : []) {
    const property = objectOf(each);
    if (samePropertyId(textOf(property, 'id') ?? '', id)) return textOf(property, 'value');
  }
  return null;
}

/** Null where the property is not there or is no number. */
export function numberOf(row: Json, id: string): number | null {
  const value = propertyOf(row, id);
  const number = value === null || value === '' ? Number.NaN : Number(value);
  return Number.isSafeInteger(number) ? number : null;
}

/** Graph's ids of folders are constant (exchange.md §3) and long; a folder that was made anew has another one, and so another text. */
export function uidValidityOf(folderId: string): string {
  return createHash('sha256').update(folderId).digest('base64url').slice(0, 22);
}

/** `2026-01-02T03:04:05Z`; null where there is no date that can be read. */
export function toSeconds(value: string | null): string | null {
  const time = value === null ? Number.NaN : Date.parse(value);
  return Number.isNaN(time) ? null : `${new Date(time).toISOString().slice(0, 19)}Z`;
}
