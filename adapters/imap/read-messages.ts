import type { FetchMessageObject } from 'imapflow';
import { MigrationError } from '../../domain/errors.ts';
import type { Message } from '../../domain/mail.ts';
import type { ReadMessage } from '../../domain/ports/mail.ts';
import type { ImapConnection } from './connection.ts';
import { toFlags } from './flags.ts';
import { toSeconds } from './folders.ts';
import { sequenceSets } from './sequence-set.ts';

/** Above this a message is read by parts: imapflow holds a literal twice while it joins its pieces. */
const WHOLE_BYTES = 8 << 20;
const PART_BYTES = 2 << 20;
/** What smaller ones leave behind, V8 finds in time by itself. */
export const BULK_BYTES = 1 << 20;
/** A size that cannot be meant does not take our memory; a message that is larger all the same is joined as it comes. */
const MOST_ALLOCATED = 1 << 30;

/** Several messages of the opened folder by as few FETCHes as their set needs; what went wrong with one is asked again alone. */
export async function* fetchMessages(
  connection: ImapConnection,
  folderId: string,
  uids: readonly number[],
): AsyncGenerator<ReadMessage, void, undefined> {
  const query = { uid: true, source: true, size: true, internalDate: true, flags: true };
  for (const set of sequenceSets(uids)) {
    const missing = new Set(uidsOf(set, uids));
    const again: number[] = [];
    try {
      const rows = connection.stream({ folder: folderId }, (client) => client.fetch(set, query, { uid: true }));
      for await (const row of rows) {
        // News of other messages, or of the same ones again, carry no body (RFC 3501 §7.4.2).
        if (row.source === undefined && row.size === undefined) continue;
        if (!missing.delete(row.uid)) continue;
        if ((row.source?.length ?? 0) >= BULK_BYTES) connection.onBulk(row.source?.length ?? 0);
        if (isWhole(row)) yield { uid: row.uid, result: toMessage(row, row.source) };
        else again.push(row.uid);
      }
    } catch (error) {
      // A refusal, or a row that could not be read, blames one without saying which: those that did not come are asked for alone.
      if (!(error instanceof MigrationError) || error.code !== 'PROTOCOL_VIOLATION') throw error;
      again.push(...missing);
    }
    for (const uid of again) {
      const result = await fetchMessage(connection, folderId, uid).catch(onlyOfTheMessage);
      if (result !== null) yield { uid, result };
    }
  }
}

/**
 * One message of the opened folder; null where it is not there.
 * @throws MESSAGE_DAMAGED when the server sends fewer octets than it announced, by parts too (T26)
 */
export async function fetchMessage(connection: ImapConnection, folderId: string, uid: number): Promise<Message | null> {
  const facts = { folder: folderId, uid };
  const head = await fetchOne(connection, facts, uid, { uid: true, size: true, internalDate: true, flags: true });
  if (head === null) return null;
  if ((head.size ?? 0) <= WHOLE_BYTES) {
    const row = await fetchOne(connection, facts, uid, { uid: true, source: true });
    if (row === null) return null;
    if (isWhole({ ...head, source: row.source })) return toMessage(head, row.source ?? EMPTY);
  }
  const raw = await readByParts(connection, facts, uid, head.size ?? 0);
  if (raw.length === 0) {
    throw new MigrationError('MESSAGE_DAMAGED', 'The source gives no bytes for this message.', { facts });
  }
  // RFC822.SIZE larger than the literal: the rest was not sent (T26). A smaller one is a careless count; GreenMail has those.
  if (raw.length < (head.size ?? 0)) {
    throw new MigrationError('MESSAGE_DAMAGED', `The source announced ${head.size} octets and sent ${raw.length}.`, {
      facts: { ...facts, announcedBytes: head.size ?? 0, receivedBytes: raw.length },
    });
  }
  return toMessage(head, raw);
}

const EMPTY = Buffer.alloc(0);

/** Into one buffer of the announced size, so that the message is in memory once. Shorter where the source ends before. */
async function readByParts(
  connection: ImapConnection,
  facts: { readonly folder: string; readonly uid: number },
  uid: number,
  announced: number,
): Promise<Buffer> {
  let raw = Buffer.allocUnsafeSlow(Math.min(announced, MOST_ALLOCATED));
  let length = 0;
  for (let last = PART_BYTES; last === PART_BYTES; ) {
    const source = { start: length, maxLength: PART_BYTES };
    const part = (await fetchOne(connection, facts, uid, { uid: true, source }))?.source ?? EMPTY;
    // More than was announced.
    if (length + part.length > raw.length) raw = Buffer.concat([raw.subarray(0, length), part]);
    else part.copy(raw, length);
    length += part.length;
    last = part.length;
    connection.onBulk(part.length);
  }
  return raw.subarray(0, length);
}

async function fetchOne(
  connection: ImapConnection,
  facts: { readonly folder: string; readonly uid: number },
  uid: number,
  query: Parameters<typeof connection.client.fetchOne>[1],
): Promise<FetchMessageObject | null> {
  const row = await connection.run('fetch', facts, async (client) => {
    return { found: await client.fetchOne(String(uid), query, { uid: true }) };
  });
  return row.found === false ? null : (row.found ?? null);
}

type Row = Pick<FetchMessageObject, 'uid' | 'size' | 'internalDate' | 'flags'> & {
  readonly source?: Buffer | undefined;
};

function isWhole(row: Row): row is Row & { readonly source: Buffer } {
  return row.source !== undefined && row.source.length >= (row.size ?? 1);
}

function toMessage({ flags, internalDate }: Row, raw: Buffer): Message {
  return { raw, flags: toFlags(flags), receivedAt: toSeconds(internalDate) };
}

/** A message that the source cannot give does not stop its neighbours (T28). */
function onlyOfTheMessage(error: unknown): MigrationError {
  if (!(error instanceof MigrationError)) throw error;
  if (error.kind.scope === 'message') return error;
  if (error.code !== 'PROTOCOL_VIOLATION') throw error;
  return new MigrationError('MESSAGE_DAMAGED', `The source cannot give this message: ${error.message}`, {
    facts: error.facts,
    cause: error,
  });
}

function uidsOf(set: string, uids: readonly number[]): readonly number[] {
  const [first = '', last = first] = [set.split(/[,:]/)[0] ?? '', set.split(/[,:]/).at(-1) ?? ''];
  return uids.filter((uid) => uid >= Number(first) && uid <= Number(last));
}
