import { type ByteBudget, LARGE_BYTES } from '../../domain/byte-budget.ts';
import { MigrationError } from '../../domain/errors.ts';
import type { FlagsEntry } from '../../domain/mail.ts';
import type { TargetMessage } from '../../domain/ports/mail.ts';
import { FLAG_FIELDS, FLAG_PROPERTIES, flagsOf } from './flags.ts';
import { pathOf } from './folders.ts';
import { odataText, segment } from './graph.ts';
import type { Json, MailboxCalls } from './mailbox-calls.ts';
import { PROPERTY } from './property-ids.ts';
import { expandOf, numberOf, propertyOf, query, textOf, toSeconds } from './rows.ts';

/** UIDs that are asked for together: some 300 kB of rows where all are there, in whatever order Graph gives them. */
const WINDOW = 500;
/** Small messages on their way at the same time; the limiter may allow fewer (exchange.md §9.5). */
const IN_FLIGHT = 3;
/** Bytes of these are there until the next message is asked for. */
const LENT_BYTES = 1 << 20;
/** Over what a mailbox can hold in one message (exchange.md §1.6). */
const MAX_MESSAGE_BYTES = 256 << 20;

/** What is known of a message without its bytes. */
export interface CopyRow extends FlagsEntry {
  /** Of Graph, immutable. */
  readonly id: string;
  readonly sizeBytes: number | null;
  readonly internalDate: string | null;
}

export interface CopiesWhere {
  readonly folderId: string;
  readonly fromUid: number;
  readonly beforeUid: number;
}

/**
 * Rows of the messages whose UID is in the range, ascending. By windows of UIDs, as nothing sorts by that property: a filter on the
 * number bounds what has to be in memory. What was written a moment ago may be missing (exchange.md §9.4).
 */
export async function* listRows(
  calls: MailboxCalls,
  { folderId, fromUid, beforeUid }: CopiesWhere,
): AsyncGenerator<CopyRow, void, undefined> {
  for (let first = fromUid; first < beforeUid; first += WINDOW) {
    const end = Math.min(first + WINDOW, beforeUid);
    const filter = `${uidFilter('ge', first)} and ${uidFilter('lt', end)}`;
    const rows: CopyRow[] = [];
    for await (const row of listBy(calls, folderId, filter)) if (row.uid >= first && row.uid < end) rows.push(row);
    yield* rows.sort((one, other) => one.uid - other.uid);
  }
}

/** Null where no message has this UID, or does not show yet. */
export async function findRow(calls: MailboxCalls, folderId: string, uid: number): Promise<CopyRow | null> {
  for await (const row of listBy(calls, folderId, uidFilter('eq', uid))) if (row.uid === uid) return row;
  return null;
}

/** With their bytes; see MailTarget.listMessages. Memory: some small messages, or one large one for which the budget has room. */
export async function* listCopies(
  calls: MailboxCalls,
  where: CopiesWhere,
  budget: ByteBudget,
  signal: AbortSignal,
): AsyncGenerator<TargetMessage, void, undefined> {
  yield* readRows(calls, listRows(calls, where), budget, signal);
}

/** The bytes of all messages of a folder, in any order, whether they have a UID or not. */
export async function* listEverything(
  calls: MailboxCalls,
  folderId: string,
  budget: ByteBudget,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  for await (const { raw } of readRows(calls, listBy(calls, folderId, null), budget, signal)) yield raw;
}

async function* readRows(
  calls: MailboxCalls,
  rows: AsyncIterable<CopyRow>,
  budget: ByteBudget,
  signal: AbortSignal,
): AsyncGenerator<TargetMessage, void, undefined> {
  const flying: { readonly row: CopyRow; readonly bytes: Promise<Buffer | null> }[] = [];
  const land = async function* (leave: number): AsyncGenerator<TargetMessage, void, undefined> {
    while (flying.length > leave) {
      const next = flying.shift();
      const raw = next === undefined ? null : await next.bytes;
      if (next !== undefined && raw !== null) yield* lend(messageOf(next.row, raw));
    }
  };
  try {
    for await (const row of rows) {
      if (row.sizeBytes !== null && row.sizeBytes <= LENT_BYTES) {
        const bytes = readBytes(calls, row);
        bytes.catch(() => undefined); // it is thrown where it is awaited
        flying.push({ row, bytes });
        yield* land(IN_FLIGHT - 1);
        continue;
      }
      yield* land(0);
      const release = await budget.take(row.sizeBytes ?? LARGE_BYTES, signal);
      try {
        const raw = await readBytes(calls, row);
        if (raw !== null) yield* lend(messageOf(row, raw));
      } finally {
        release();
      }
    }
    yield* land(0);
  } finally {
    // Left in the middle: what is on its way is nobody's any more.
    await Promise.allSettled(flying.map(({ bytes }) => bytes));
  }
}

/** A message's UID; it is known from the moment at which the message is there. */
export async function getUid(calls: MailboxCalls, messageId: string): Promise<number> {
  const path = `${messagePath(messageId)}${query({ $select: 'id', $expand: expandOf([PROPERTY.uid]) })}`;
  const uid = numberOf(await calls.get({ name: 'get message', path, blame: 'message' }), PROPERTY.uid);
  if (uid === null) throw new MigrationError('PROTOCOL_VIOLATION', 'The target does not tell the UID of a message.');
  return uid;
}

export function messagePath(messageId: string): string {
  return `/messages/${segment(messageId)}`;
}

/** Messages of a folder whose text property has this value. Values compare without case (exchange.md §3). */
export function valueFilter(id: string, value: string): string {
  return `singleValueExtendedProperties/Any(ep: ep/id eq '${id}' and ep/value eq ${odataText(value)})`;
}

/** The numeric comparison of Microsoft's page on singleValueLegacyExtendedProperty. */
function uidFilter(operator: 'eq' | 'ge' | 'lt', uid: number): string {
  const value = `cast(ep/value, Edm.Int32) ${operator} ${uid}`;
  return `singleValueExtendedProperties/Any(ep: ep/id eq '${PROPERTY.uid}' and ${value})`;
}

async function* listBy(
  calls: MailboxCalls,
  folderId: string,
  filter: string | null,
): AsyncGenerator<CopyRow, void, undefined> {
  const path = `${pathOf(folderId)}/messages${query({
    ...(filter !== null && { $filter: filter }),
    $select: `id,${FLAG_FIELDS},receivedDateTime`,
    $expand: expandOf([PROPERTY.uid, PROPERTY.received, PROPERTY.sizeBytes, ...FLAG_PROPERTIES]),
    $top: '100',
  })}`;
  for await (const row of calls.list({ name: 'list messages', path, facts: { folder: folderId } })) {
    const copy = rowOf(row, filter === null ? 0 : null);
    if (copy !== null) yield copy;
  }
}

/** @param otherwise  UID of one that has none; null: it is left out */
function rowOf(row: Json, otherwise: number | null): CopyRow | null {
  const [id, uid] = [textOf(row, 'id'), numberOf(row, PROPERTY.uid) ?? otherwise];
  if (id === null || uid === null) return null;
  return {
    id,
    uid,
    flags: flagsOf(row),
    sizeBytes: numberOf(row, PROPERTY.sizeBytes),
    internalDate: toSeconds(propertyOf(row, PROPERTY.received) ?? textOf(row, 'receivedDateTime')),
  };
}

async function readBytes(calls: MailboxCalls, { id }: CopyRow): Promise<Buffer | null> {
  return await calls.findBytes({
    name: 'read message',
    path: `${messagePath(id)}/$value`,
    maxAnswerBytes: MAX_MESSAGE_BYTES,
    blame: 'message',
  });
}

function messageOf({ uid, internalDate, flags }: CopyRow, raw: Buffer): TargetMessage {
  return { uid, raw, internalDate, flags };
}

/** Takes the bytes of a larger one back when the next message is asked for: dozens of readers would keep them all. */
function* lend(message: TargetMessage): Generator<TargetMessage, void, undefined> {
  if (message.raw.length <= LENT_BYTES) {
    yield message;
    return;
  }
  const lent = { ...message };
  yield lent;
  lent.raw = NOTHING;
}

const NOTHING = Buffer.alloc(0);
