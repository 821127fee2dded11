import type { Element } from '@xmldom/xmldom';
import { type ByteBudget, LARGE_BYTES } from '../../domain/byte-budget.ts';
import { MigrationError } from '../../domain/errors.ts';
import type { TargetMessage } from '../../domain/ports/mail.ts';
import type { EwsClient, EwsRequest } from './client.ts';
import { type FoundItem, findAllItems, findItems, uidRange } from './find-items.ts';
import { FIELDS, FLAG_FIELDS, flagsOf, numberOf, readValue } from './properties.ts';
import { childElements, find, textOf, xml } from './xml.ts';

/** Of one GetItem: its answer is base64 in XML, read as a whole. */
const BATCH_BYTES = 2 * 1024 * 1024;
const BATCH_ITEMS = 50;
/** Over this the bytes are there until the next message is asked for (MailTarget.listMessages). */
const LENT_BYTES = 1024 * 1024;

/**
 * Messages of a folder with their bytes, ascending: their list first, then GetItem for as many as are small together. A large one comes
 * alone, when the budget of the process has room for it, which it keeps until the next message is asked for.
 * @throws as EwsClient.askOne
 */
export async function* listCopies(
  client: EwsClient,
  folderId: string,
  { fromUid, beforeUid }: { readonly fromUid: number; readonly beforeUid: number | undefined },
  budget: ByteBudget,
): AsyncGenerator<TargetMessage, void, undefined> {
  const items = findItems(client, folderId, (from) => uidRange(from, beforeUid), LISTED, Math.max(1, fromUid));
  yield* readFound(client, folderId, items, budget);
}

/** The bytes of all messages of a folder, in any order, whether they have a UID or not. @throws as EwsClient.askOne */
export async function* listEverything(
  client: EwsClient,
  folderId: string,
  budget: ByteBudget,
): AsyncGenerator<Buffer, void, undefined> {
  const items = findAllItems(client, folderId, LISTED);
  for await (const { raw } of readFound(client, folderId, items, budget)) yield raw;
}

const LISTED = [FIELDS.size, FIELDS.receivedAt, ...FLAG_FIELDS];

async function* readFound(
  client: EwsClient,
  folderId: string,
  items: AsyncIterable<FoundItem>,
  budget: ByteBudget,
): AsyncGenerator<TargetMessage, void, undefined> {
  let batch: FoundItem[] = [];
  let bytes = 0;
  for await (const item of items) {
    const size = numberOf(item.element, FIELDS.size) ?? 0;
    if (batch.length > 0 && (bytes + size > BATCH_BYTES || batch.length === BATCH_ITEMS)) {
      yield* readBatch(client, folderId, batch);
      batch = [];
      bytes = 0;
    }
    if (size > LARGE_BYTES) {
      const release = await budget.take(size, client.signal);
      try {
        yield* readBatch(client, folderId, [item]);
      } finally {
        release();
      }
      continue;
    }
    batch.push(item);
    bytes += size;
  }
  if (batch.length > 0) yield* readBatch(client, folderId, batch);
}

async function* readBatch(
  client: EwsClient,
  folderId: string,
  items: readonly FoundItem[],
): AsyncGenerator<TargetMessage, void, undefined> {
  const shape = xml('m:ItemShape', {}, xml('t:BaseShape', {}, 'IdOnly'), xml('t:IncludeMimeContent', {}, 'true'));
  const ids = items.map(({ itemId: Id }) => xml('t:ItemId', { Id }));
  const request: EwsRequest = {
    operation: 'GetItem',
    effect: false,
    facts: { folder: folderId },
    body: xml('m:GetItem', {}, shape, xml('m:ItemIds', {}, ...ids)),
  };
  const answers = await client.ask(request);
  if (answers.length !== items.length)
    throw new MigrationError('PROTOCOL_VIOLATION', 'GetItem left out answers.', { facts: { folder: folderId } });
  for (const [at, { element, refusal }] of answers.entries()) {
    const item = items[at];
    // It went after it was listed.
    if (refusal?.code === 'ErrorItemNotFound' || item === undefined) continue;
    if (refusal !== null) throw client.refusalOf(request, refusal);
    const { uid, element: row } = item;
    const message = {
      uid,
      raw: rawOf(element),
      internalDate: toSeconds(readValue(row, FIELDS.receivedAt)),
      flags: flagsOf(row),
    };
    yield message;
    if (message.raw.length > LENT_BYTES) message.raw = NOTHING;
  }
}

const NOTHING = Buffer.alloc(0);

function rawOf(message: Element): Buffer {
  const items = find(message, 'Items');
  const item = items === null ? undefined : childElements(items)[0];
  const content = item && textOf(item, 'MimeContent');
  if (content === undefined || content === null) {
    throw new MigrationError('PROTOCOL_VIOLATION', 'GetItem gave a message without its MIME content.');
  }
  return Buffer.from(content, 'base64');
}

/** `2026-01-02T03:04:05Z`; null where there is no date, or none that can be read. */
function toSeconds(text: string | null): string | null {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? null : `${new Date(time).toISOString().slice(0, 19)}Z`;
}
