import type { BeforeMxMoves } from '../../domain/before-mx-moves.ts';
import { MigrationError } from '../../domain/errors.ts';
import type { EraserConnector, TargetEraser } from '../../domain/ports/eraser.ts';
import type { TargetFolder, TargetMessage } from '../../domain/ports/mail.ts';
import type { Secrets } from '../../domain/ports/services.ts';
import type { ImapConnection } from './connection.ts';
import { type ImapConnectorOptions, signIn } from './connector.ts';
import { toFlags } from './flags.ts';
import { openForWriting, toSeconds, unselect } from './folders.ts';
import { execRaw } from './raw-command.ts';
import { sequenceSets } from './sequence-set.ts';

/** Removes messages over IMAP, where the server has UIDPLUS: EXPUNGE without it would take what others have marked, too. */
export function createImapEraserConnector(secrets: Secrets, options: ImapConnectorOptions = {}): EraserConnector {
  return {
    async openEraser(_proof, account, signal, { mayWrite = () => true } = {}) {
      const connection = await signIn(secrets, options, account, signal);
      if (!connection.client.capabilities.has('UIDPLUS')) {
        await connection.close();
        return null;
      }
      connection.fence(mayWrite);
      return new ImapEraser(connection);
    },
  };
}

class ImapEraser implements TargetEraser {
  readonly #connection: ImapConnection;

  constructor(connection: ImapConnection) {
    this.#connection = connection;
  }

  async *readCopies(folder: TargetFolder, uidValidity: string, uids: readonly number[]): AsyncIterable<TargetMessage> {
    await this.#open(folder, uidValidity);
    const query = { uid: true, source: true, internalDate: true, flags: true };
    const wanted = new Set(uids);
    for (const set of sequenceSets(uids)) {
      const rows = this.#connection.stream({ folder: folder.id }, (client) => client.fetch(set, query, { uid: true }));
      for await (const { uid, source, internalDate, flags } of rows) {
        if (source === undefined || !wanted.delete(uid)) continue;
        yield { uid, raw: source, internalDate: toSeconds(internalDate), flags: toFlags(flags) };
      }
    }
  }

  async removeExactly(
    _proof: BeforeMxMoves,
    folder: TargetFolder,
    uidValidity: string,
    uids: readonly number[],
  ): Promise<void> {
    await this.#open(folder, uidValidity);
    for (const set of sequenceSets(uids)) {
      const facts = { folder: folder.id, messages: uids.length };
      const sequence = { type: 'SEQUENCE', value: set } as const;
      const deleted = [{ type: 'ATOM', value: '\\Deleted' }] as const;
      await this.#connection.run('store', facts, (client) =>
        execRaw(client, 'UID STORE', [sequence, { type: 'ATOM', value: '+FLAGS.SILENT' }, deleted]),
      );
      await this.#connection.run('store', facts, (client) => execRaw(client, 'UID EXPUNGE', [sequence]));
    }
    // Not by CLOSE, which would expunge what others have marked.
    await unselect(this.#connection);
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  async #open(folder: TargetFolder, uidValidity: string): Promise<void> {
    const opened = await openForWriting(this.#connection, folder.id);
    const facts = { folder: folder.id };
    if (opened.readOnly === true)
      throw new MigrationError('FOLDER_REFUSED', 'The folder cannot be changed.', { facts });
    if (String(opened.uidValidity) === uidValidity) return;
    throw new MigrationError('FOLDER_VANISHED', 'UIDVALIDITY has changed: its UIDs mean other messages now.', {
      facts,
    });
  }
}
