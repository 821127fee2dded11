import type { ImapFlow } from 'imapflow';
import type { FolderPath } from '../../domain/mail.ts';
import { type ImapEndpoint, withImap } from '../imap-client.ts';

export interface SeedMail {
  folder: FolderPath;
  flags?: readonly string[];
  internalDate?: Date;
  raw: Buffer;
}

/**
 * Puts mail into a mailbox over IMAP, as its user; folders are made where they are missing. A second call makes second copies.
 * The order within a folder is kept.
 */
export async function seedMailbox(endpoint: ImapEndpoint, mails: Iterable<SeedMail>): Promise<void> {
  const byFolder = Map.groupBy(mails, ({ folder }) => JSON.stringify(folder));
  await withImap(endpoint, async (client) => {
    for (const group of byFolder.values()) {
      const folder = [...(group[0]?.folder ?? ['INBOX'])];
      await ensureFolder(client, folder);
      // imapflow passes on only the flags that the selected folder takes.
      await client.mailboxOpen(folder);
      for (const { flags, internalDate, raw } of group) {
        const appended = await client.append(folder, raw, [...(flags ?? [])], internalDate);
        if (appended === false) throw new Error(`${folder.join('/')} did not take a message of ${raw.length} bytes`);
      }
    }
  });
}

/** One message, as {@link seedMailbox} does it. */
export async function appendAs(endpoint: ImapEndpoint, mail: SeedMail): Promise<void> {
  await seedMailbox(endpoint, [mail]);
}

async function ensureFolder(client: ImapFlow, folder: string[]): Promise<void> {
  if (folder[0] === 'INBOX' && folder.length === 1) return;
  await client.mailboxCreate(folder);
  await client.mailboxSubscribe(folder);
}
