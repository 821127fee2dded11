import { MigrationError } from '../../domain/errors.ts';
import type { CensusEntry, FolderStatus, Message, SourceFolder } from '../../domain/mail.ts';
import type { MailSource, ServerFacts } from '../../domain/ports/mail.ts';
import type { ImapConnection } from './connection.ts';
import { examine, getStatus, listFolders, listWindows, toFlags, toSeconds } from './folders.ts';

/** UIDs, not messages: a window of a folder with holes holds fewer. 1,000 rows of metadata are about 200 kB. */
const CENSUS_WINDOW = 1_000;

/** Reads an account over IMAP; EXAMINE and BODY.PEEK leave it as it was. */
export class ImapSource implements MailSource {
  readonly #connection: ImapConnection;

  constructor(connection: ImapConnection) {
    this.#connection = connection;
  }

  get facts(): ServerFacts {
    return this.#connection.facts;
  }

  async *listFolders(): AsyncIterable<SourceFolder> {
    yield* await listFolders(this.#connection);
  }

  async getStatus(folder: SourceFolder): Promise<FolderStatus> {
    return await getStatus(this.#connection, folder.id);
  }

  async *listMessages(folder: SourceFolder): AsyncIterable<CensusEntry> {
    const opened = await examine(this.#connection, folder.id);
    const query = { uid: true, size: true, internalDate: true, flags: true };
    for (const range of await listWindows(this.#connection, opened, 1, CENSUS_WINDOW)) {
      const rows = await this.#connection.run('fetch', { folder: folder.id, range }, (client) =>
        client.fetchAll(range, query, { uid: true }),
      );
      for (const { uid, size, internalDate, flags } of rows.toSorted((a, b) => a.uid - b.uid)) {
        // A row without a size is no answer to our question but news of another message (RFC 3501 §7.4.2).
        if (size === undefined) continue;
        yield { uid, sizeBytes: size, internalDate: toSeconds(internalDate), flags: toFlags(flags) };
      }
    }
  }

  async findMessage(folder: SourceFolder, uidValidity: string, uid: number): Promise<Message | null> {
    const facts = { folder: folder.id, uid };
    const { mailbox } = this.#connection.client;
    const opened =
      mailbox !== false && mailbox.path === folder.id ? mailbox : await examine(this.#connection, folder.id);
    if (String(opened.uidValidity) !== uidValidity) {
      throw new MigrationError('FOLDER_VANISHED', 'UIDVALIDITY has changed: its UIDs mean other messages now.', {
        facts,
      });
    }
    const query = { uid: true, source: true, size: true, internalDate: true, flags: true };
    const row = await this.#connection.run('fetch', facts, async (client) => {
      return { found: await client.fetchOne(String(uid), query, { uid: true }) };
    });
    if (row.found === false) return null;
    const { source, size, internalDate, flags } = row.found;
    if (source === undefined) {
      throw new MigrationError('MESSAGE_DAMAGED', 'The source gives no bytes for this message.', { facts });
    }
    // RFC822.SIZE larger than the literal: the rest was not sent (T26). A smaller one is a careless count; GreenMail has those.
    if (size !== undefined && source.length < size) {
      throw new MigrationError('MESSAGE_DAMAGED', `The source announced ${size} octets and sent ${source.length}.`, {
        facts: { ...facts, announcedBytes: size, receivedBytes: source.length },
      });
    }
    return { raw: source, flags: toFlags(flags), receivedAt: toSeconds(internalDate) };
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }
}
