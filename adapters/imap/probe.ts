import { type ByteBudget, createByteBudget } from '../../domain/byte-budget.ts';
import { MigrationError } from '../../domain/errors.ts';
import type { MailAccount, OpenedFolder, TargetFolder, TargetOptions } from '../../domain/ports/mail.ts';
import { PROBE_FOLDER_PREFIX, type ProbeSession } from '../../domain/ports/route-probe.ts';
import type { Secrets } from '../../domain/ports/services.ts';
import type { ImapConnection } from './connection.ts';
import { type ImapConnectorOptions, signIn } from './connector.ts';
import { unselect } from './folders.ts';
import { execRaw } from './raw-command.ts';
import { ImapTarget } from './target.ts';

/** IMAP has no hidden folders, so the probe's is seen for some seconds, under a name that says what it is. */
export async function openImapProbe(
  secrets: Secrets,
  options: ImapConnectorOptions,
  account: MailAccount,
  signal: AbortSignal,
  { mayWrite = () => true }: TargetOptions = {},
): Promise<ProbeSession> {
  const connection = await signIn(secrets, options, account, signal);
  connection.fence(mayWrite);
  return new ImapProbe(connection, options.budget ?? createByteBudget());
}

class ImapProbe implements ProbeSession {
  readonly target: ImapTarget;
  readonly #connection: ImapConnection;

  constructor(connection: ImapConnection, budget: ByteBudget) {
    this.#connection = connection;
    this.target = new ImapTarget(connection, budget);
  }

  async makeProbeFolder(name: string): Promise<OpenedFolder> {
    return await this.target.ensureFolder([name], null);
  }

  async *listProbeFolders(): AsyncIterable<TargetFolder> {
    for await (const folder of this.target.listFolders()) if (isProbes(folder)) yield folder;
  }

  async removeProbeFolder(folder: TargetFolder): Promise<void> {
    if (!isProbes(folder)) {
      throw new MigrationError('FOLDER_REFUSED', 'Only a folder of a probe is removed.', {
        facts: { folder: folder.id },
      });
    }
    await unselect(this.#connection);
    const name = { type: 'STRING', value: folder.id } as const;
    try {
      await this.#connection.run('create', { folder: folder.id }, (client) => execRaw(client, 'DELETE', [name]));
    } catch (error) {
      for await (const { id } of this.listProbeFolders()) if (id === folder.id) throw error;
    }
  }

  async findDraftState(folder: TargetFolder, uid: number): Promise<boolean | null> {
    for await (const { flags } of this.target.listFlags(folder, [uid])) return flags.includes('\\Draft');
    return null;
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }
}

function isProbes({ path }: TargetFolder): boolean {
  return path.at(-1)?.startsWith(PROBE_FOLDER_PREFIX) === true;
}
