import { MigrationError } from '../../domain/errors.ts';
import type { CensusEntry, FlagsEntry, FolderChange, FolderStatus, Message, SourceFolder } from '../../domain/mail.ts';
import type { MailSource, ReadMessage, ServerFacts } from '../../domain/ports/mail.ts';
import { fetchChanges } from './changes.ts';
import type { ImapConnection } from './connection.ts';
import { toFlags } from './flags.ts';
import { examine, getStatus, listFolders, listWindows, toSeconds } from './folders.ts';
import { decodeName } from './names.ts';
import { fetchMessage, fetchMessages } from './read-messages.ts';

/** UIDs, not messages: a window of a folder with holes holds fewer. 2,000 rows of metadata are about 2 MB. */
const CENSUS_WINDOW = 2_000;
const FLAGS_WINDOW = 10_000;
/** Without ESEARCH (RFC 4731) a count of messages is a list of their UIDs. */
const MOST_COUNTED = 50_000;

/** Reads an account over IMAP; EXAMINE and BODY.PEEK leave it as it was. */
export class ImapSource implements MailSource {
  readonly tracks: MailSource['tracks'];
  readonly #connection: ImapConnection;
  /** What LIST-STATUS told, for one question a folder. */
  readonly #statuses = new Map<string, FolderStatus>();

  constructor(connection: ImapConnection, tracks: MailSource['tracks']) {
    this.#connection = connection;
    this.tracks = tracks;
  }

  get facts(): ServerFacts {
    return this.#connection.facts;
  }

  async *listFolders(): AsyncIterable<SourceFolder> {
    this.#statuses.clear();
    for (const { status, ...folder } of await listFolders(this.#connection, true)) {
      if (status !== null && folder.selectable) this.#statuses.set(folder.id, status);
      yield folder;
    }
  }

  async getStatus(folder: SourceFolder): Promise<FolderStatus> {
    const known = this.#statuses.get(folder.id);
    this.#statuses.delete(folder.id);
    return known ?? (await getStatus(this.#connection, folder.id));
  }

  async *listMessages(folder: SourceFolder, fromUid = 1, uidValidity?: string): AsyncIterable<CensusEntry> {
    const opened = await examine(this.#connection, folder.id);
    this.#requireValidity(folder, opened.uidValidity, uidValidity ?? String(opened.uidValidity));
    const isGmail = this.#connection.client.capabilities.has('X-GM-EXT-1');
    const query = { uid: true, size: true, internalDate: true, flags: true, ...(isGmail && { labels: true }) };
    for (const range of await listWindows(this.#connection, opened, Math.max(1, fromUid), CENSUS_WINDOW)) {
      for (const { uid, size, internalDate, flags, labels, emailId } of await this.#fetch(folder, range, query)) {
        // A row without a size is no answer to our question but news of another message (RFC 3501 §7.4.2).
        if (size === undefined || uid < fromUid) continue;
        const gmail = isGmail && {
          labels: [...(labels ?? [])].map(decodeName),
          ...(emailId !== undefined && { originId: emailId }),
        };
        yield { uid, sizeBytes: size, internalDate: toSeconds(internalDate), flags: toFlags(flags), ...gmail };
      }
    }
  }

  async *listFlags(folder: SourceFolder, beforeUid: number): AsyncIterable<FlagsEntry> {
    const { path, exists } = await examine(this.#connection, folder.id);
    const below = { path, exists, uidNext: Math.max(1, beforeUid) };
    for (const range of await listWindows(this.#connection, below, 1, FLAGS_WINDOW)) {
      for (const { uid, flags } of await this.#fetch(folder, range, { uid: true, flags: true })) {
        if (flags !== undefined && uid < beforeUid) yield { uid, flags: toFlags(flags) };
      }
    }
  }

  async *listChanges(folder: SourceFolder, since: FolderStatus): AsyncIterable<FolderChange> {
    const opened = await examine(this.#connection, folder.id);
    this.#requireValidity(folder, opened.uidValidity, since.uidValidity);
    yield* fetchChanges(this.#connection, folder.id, since, this.tracks === 'flags-and-vanished');
  }

  async countBySearch(folder: SourceFolder): Promise<number | null> {
    const { exists } = await this.#open(folder);
    const isCounted = this.#connection.client.capabilities.has('ESEARCH');
    if (!isCounted && exists > MOST_COUNTED) return null;
    const options = { uid: true, ...(isCounted && { returnOptions: ['COUNT'] }) };
    const { found } = await this.#connection.run('fetch', { folder: folder.id }, async (client) => {
      return { found: await client.search({ all: true }, options) };
    });
    if (Array.isArray(found)) return found.length;
    const count: unknown = Object(found).count; // ESEARCH; `false` is a refusal
    return typeof count === 'number' ? count : null;
  }

  async *readMessages(folder: SourceFolder, uidValidity: string, uids: readonly number[]): AsyncIterable<ReadMessage> {
    this.#requireValidity(folder, (await this.#open(folder)).uidValidity, uidValidity);
    yield* fetchMessages(this.#connection, folder.id, uids);
  }

  async findMessage(folder: SourceFolder, uidValidity: string, uid: number): Promise<Message | null> {
    this.#requireValidity(folder, (await this.#open(folder)).uidValidity, uidValidity);
    return await fetchMessage(this.#connection, folder.id, uid);
  }

  async close(): Promise<void> {
    this.#statuses.clear();
    await this.#connection.close();
  }

  async #open(folder: SourceFolder) {
    const { mailbox } = this.#connection.client;
    return mailbox !== false && mailbox.path === folder.id ? mailbox : await examine(this.#connection, folder.id);
  }

  #requireValidity(folder: SourceFolder, found: bigint, wanted: string): void {
    if (String(found) === wanted) return;
    throw new MigrationError('FOLDER_VANISHED', 'UIDVALIDITY has changed: its UIDs mean other messages now.', {
      facts: { folder: folder.id },
    });
  }

  /** One window, each UID once, ascending. */
  async #fetch(folder: SourceFolder, range: string, query: Parameters<ImapConnection['client']['fetchAll']>[1]) {
    const rows = await this.#connection.run('fetch', { folder: folder.id, range }, (client) =>
      client.fetchAll(range, query, { uid: true }),
    );
    const byUid = new Map<number, (typeof rows)[number]>();
    // The fuller of two is the answer, the other one news of a change.
    for (const row of rows) if (row.uid > 0) byUid.set(row.uid, { ...byUid.get(row.uid), ...row });
    return [...byUid.values()].sort((a, b) => a.uid - b.uid);
  }
}
