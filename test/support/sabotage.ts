import type { FolderPath } from '../../domain/mail.ts';
import type { MailTarget } from '../../domain/ports/mail.ts';
import { startImapServer } from '../../lab/imap/server.ts';
import { MailStore } from '../../lab/imap/store.ts';
import { imapConnector, neverAborted, PASSWORD, plainAccount } from './imap-accounts.ts';
import type { MemoryWorld } from './memory-world.ts';

/** A target whose mail can be changed behind our back, under its UID. */
export interface Saboteur {
  open(): Promise<MailTarget>;
  drop(path: FolderPath, uid: number): void;
  add(path: FolderPath, raw: string, flags?: readonly string[], internalDate?: string): void;
  change(path: FolderPath, uid: number, change: Change): void;
  get(path: FolderPath, uid: number): { readonly raw: Buffer };
  close(): Promise<void>;
}

interface Change {
  readonly raw?: Buffer;
  readonly flags?: readonly string[];
  readonly internalDate?: string;
}

export function memorySaboteur({ target }: MemoryWorld): Saboteur {
  const get = (path: FolderPath, uid: number) => {
    const message = target.getFolder(path).messages.find((each) => each.uid === uid);
    if (message === undefined) throw new Error(`no message ${uid}`);
    return message;
  };
  return {
    open: async () => target.openTarget(),
    drop: (path, uid) => target.removeMessage(path, uid),
    add: (path, raw, flags, date) => void target.addMessage(path, raw, flags, date),
    change: (path, uid, change) => void Object.assign(get(path, uid), change),
    get,
    close: async () => undefined,
  };
}

/** A lab server over the wire. */
export async function imapSaboteur(capabilities: readonly string[]): Promise<Saboteur> {
  const store = new MailStore();
  const account = store.addAccount('ann', PASSWORD);
  const server = await startImapServer({ store, capabilities });
  const sessions: MailTarget[] = [];
  const get = (path: FolderPath, uid: number) => {
    const message = account.findFolder(path)?.find(uid);
    if (!message) throw new Error(`no message ${uid}`);
    return message;
  };
  return {
    async open() {
      const target = await imapConnector.openTarget(plainAccount(server.port, 'ann'), neverAborted);
      sessions.push(target);
      return target;
    },
    drop: (path, uid) => account.findFolder(path)?.expunge([uid]),
    add(path, raw, flags = [], internalDate = '2026-01-02T03:04:05Z') {
      account.ensureFolder(path).append({ raw: Buffer.from(raw), flags, internalDate: new Date(internalDate) });
    },
    change(path, uid, { raw, flags, internalDate }) {
      const message = get(path, uid);
      if (raw) overlay(message, { raw, sizeBytes: raw.length });
      if (flags) account.findFolder(path)?.setFlags(uid, new Set(flags));
      if (internalDate) overlay(message, { internalDate: new Date(internalDate) });
    },
    get,
    async close() {
      for (const session of sessions) await session.close();
      await server.close();
    },
  };
}

/** What a server never does: other content under the same UID. */
function overlay(message: object, values: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(values)) Object.defineProperty(message, name, { value });
}
