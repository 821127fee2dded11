import type { FetchMessageObject } from 'imapflow';
import { type ByteBudget, LARGE_BYTES } from '../../domain/byte-budget.ts';
import type { TargetMessage } from '../../domain/ports/mail.ts';
import type { ImapConnection } from './connection.ts';
import { toFlags } from './flags.ts';
import { examine, listWindows, toSeconds } from './folders.ts';
import { BULK_BYTES, fetchMessage } from './read-messages.ts';
import { sequenceSets } from './sequence-set.ts';

/** UIDs whose sizes are asked for together; 1,000 rows are about 100 kB. */
const SIZES_WINDOW = 1_000;

export interface CopiesRange {
  readonly fromUid: number;
  readonly beforeUid: number | undefined;
}

/**
 * Messages of a folder with their bytes, ascending. Small ones come by one FETCH, one in memory at a time; a large one is read by
 * parts when the budget of the process has room for it, which it keeps until the next message is asked for. Bytes of messages over
 * 1 MiB are there until then, too.
 */
export async function* listCopies(
  connection: ImapConnection,
  folderId: string,
  { fromUid, beforeUid }: CopiesRange,
  budget: ByteBudget,
): AsyncGenerator<TargetMessage, void, undefined> {
  const opened = await examine(connection, folderId);
  const first = Math.max(1, fromUid);
  for (const range of await listWindows(connection, opened, first, SIZES_WINDOW, beforeUid)) {
    const sizes = await readSizes(connection, folderId, range);
    const uids = [...sizes.keys()].filter((uid) => uid >= first && uid < (beforeUid ?? uid + 1));
    let small: number[] = [];
    for (const uid of uids.sort((a, b) => a - b)) {
      const sizeBytes = sizes.get(uid) ?? 0;
      if (sizeBytes <= LARGE_BYTES) {
        small.push(uid);
        continue;
      }
      yield* readSmall(connection, folderId, small);
      small = [];
      yield* readLarge(connection, folderId, { uid, sizeBytes }, budget);
    }
    yield* readSmall(connection, folderId, small);
  }
}

async function* readLarge(
  connection: ImapConnection,
  folderId: string,
  { uid, sizeBytes }: { readonly uid: number; readonly sizeBytes: number },
  budget: ByteBudget,
): AsyncGenerator<TargetMessage, void, undefined> {
  const release = await budget.take(sizeBytes, connection.signal);
  try {
    const message = await fetchMessage(connection, folderId, uid);
    if (message === null) return;
    const { raw, receivedAt: internalDate, flags } = message;
    yield* lend({ uid, raw, internalDate, flags });
  } finally {
    release();
  }
}

/**
 * Takes the bytes back when the next message is asked for. A reader that waits for its turn has the one before still in its hands:
 * dozens of connections with a large message each were 400 MB that nobody needed.
 */
function* lend(message: TargetMessage): Generator<TargetMessage, void, undefined> {
  const lent = { ...message };
  yield lent;
  lent.raw = NOTHING;
}

const NOTHING = Buffer.alloc(0);

async function readSizes(
  connection: ImapConnection,
  folderId: string,
  range: string,
): Promise<ReadonlyMap<number, number>> {
  const rows = await connection.run('fetch', { folder: folderId, range }, (client) =>
    client.fetchAll(range, { uid: true, size: true }, { uid: true }),
  );
  return new Map(rows.flatMap(({ uid, size }) => (size === undefined ? [] : [[uid, size]])));
}

async function* readSmall(
  connection: ImapConnection,
  folderId: string,
  uids: readonly number[],
): AsyncGenerator<TargetMessage, void, undefined> {
  const query = { uid: true, source: true, internalDate: true, flags: true };
  const wanted = new Set(uids);
  for (const set of sequenceSets(uids)) {
    const rows = connection.stream<FetchMessageObject>({ folder: folderId }, (client) =>
      client.fetch(set, query, { uid: true }),
    );
    for await (const { uid, source, internalDate, flags } of rows) {
      if (source === undefined || !wanted.delete(uid)) continue;
      const message = { uid, raw: source, internalDate: toSeconds(internalDate), flags: toFlags(flags) };
      if (source.length < BULK_BYTES) {
        yield message;
        continue;
      }
      connection.onBulk(source.length);
      yield* lend(message);
    }
  }
}
