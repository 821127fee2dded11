import { type RawBuilder, sql } from 'kysely';
import { DELIVERED_STATES } from '../../domain/mail.ts';
import { storableJson } from './encoding.ts';
import { isHeld } from './fencing.ts';
import type { FolderKey } from './mailbox-numbers.ts';

/** Pieces of the statements about message rows, whose windows travel as one JSON parameter (docs/ledger.md has why). */

export const DELIVERED = sql.join(DELIVERED_STATES.map((state) => sql.lit(state)));

/** The partial index messages_unfinished is found by these very words. */
export const UNFINISHED = sql`state in ('planned', 'intended')`;

/** Of a row that is not there any more. An intended one may be at the target: that is looked for first. */
export const STATE_WHEN_GONE = sql`case when state = 'planned' then 'vanished' else state end`;

export function rowsOf(rows: readonly object[]): RawBuilder<unknown> {
  return sql`json_to_recordset(${storableJson(rows)}::json)`;
}

export function isIn(folder: FolderKey): RawBuilder<boolean> {
  return sql`messages.mailbox_number = ${folder.mailbox} and messages.folder_id = ${folder.folder}`;
}

export interface MessageWindow {
  /** True for the message rows of the window. */
  readonly isIn: RawBuilder<boolean>;
  /** What was given for the row at hand, as jsonb. */
  readonly given: RawBuilder<unknown>;
}

/**
 * Finds given values by message row: a lookup in one sorted JSON document, not a join. The planner takes the rows of one window
 * for a single one, with statistics too, as it multiplies what mailbox, folder and UIDVALIDITY leave over; it then joined by
 * nested loops, 4,500 outcomes with 4,500 rows in 12 s.
 *
 * The window is also named by its ends, because for a single row it would as well read the whole folder.
 */
export function windowOf(
  folder: FolderKey,
  rows: readonly { readonly uidValidity: string; readonly uid: number }[],
  givenAt: (index: number) => unknown,
): MessageWindow {
  const document = storableJson(
    Object.fromEntries(rows.map((row, at) => [`${row.uidValidity}/${row.uid}`, givenAt(at)])),
  );
  const key = sql`(messages.uid_validity || '/' || messages.uid)`;
  const [first, ...others] = new Set(rows.map((row) => row.uidValidity));
  const oneUidValidity = others.length > 0 ? sql`true` : sql`messages.uid_validity = ${first ?? ''}`;
  const [from, to] = endsOf(rows.map((row) => row.uid));
  return {
    isIn: sql`${isHeld(folder)} and ${isIn(folder)} and ${oneUidValidity} and messages.uid between ${from} and ${to}
      and ${document}::jsonb ? ${key}`,
    given: sql`(${document}::jsonb -> ${key})`,
  };
}

/** A window of flags. */
export function flagsWindow(
  folder: FolderKey,
  entries: readonly { readonly uidValidity: string; readonly uid: number; readonly flags: readonly string[] }[],
): { readonly isIn: RawBuilder<boolean>; readonly flags: RawBuilder<string[]> } {
  const window = windowOf(folder, entries, (at) => entries[at]?.flags);
  return { isIn: window.isIn, flags: sql`array(select jsonb_array_elements_text(${window.given}))` };
}

/** Least and greatest; of none, a range that holds nothing. */
export function endsOf(uids: readonly number[]): readonly [from: number, to: number] {
  return [
    uids.reduce((one, other) => Math.min(one, other), Number.MAX_SAFE_INTEGER),
    uids.reduce((one, other) => Math.max(one, other), 0),
  ];
}
