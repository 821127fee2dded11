import type { FolderRole } from '../../../domain/mail.ts';
import { type Token, textOf } from '../parser.ts';
import { Refusal } from '../refusal.ts';
import type { Session } from '../session.ts';
import type { Account } from '../store.ts';
import type { CommandHandler } from './handler.ts';
import { ATTRIBUTE_OF_ROLE } from './list.ts';
import { mailboxName } from './mailbox-argument.ts';

export async function create(session: Session, args: readonly Token[]): Promise<string> {
  const account = accountOf(session);
  const { store } = session.server.options;
  const typed = mailboxName(args[0]);
  // A trailing separator only announces children (RFC 3501 §6.3.3).
  const name = typed.endsWith(store.separator) ? typed.slice(0, -store.separator.length) : typed;
  if (name === '' || name.split(store.separator).includes('')) return 'NO [CANNOT] Invalid mailbox name';
  const refusal = session.server.options.hooks?.onCreate?.(name, account.user);
  if (refusal !== undefined) return refusal;
  if (account.findFolder(name)?.selectable) return 'NO [ALREADYEXISTS] Mailbox already exists';
  const role = wantedRole(session, args[1]);
  if (role !== null && account.listFolders().some((folder) => folder.role === role)) {
    return 'NO [USEATTR] Another mailbox has this use';
  }
  account.ensureFolder(store.pathOf(name), role, name);
  return 'OK Done';
}

export async function deleteMailbox(session: Session, args: readonly Token[]): Promise<string> {
  const account = accountOf(session);
  const folder = account.findFolder(mailboxName(args[0]));
  if (folder === null) return 'NO [NONEXISTENT] No such mailbox';
  if (folder.role === 'inbox') return 'NO [CANNOT] INBOX stays';
  if (!folder.selectable && account.hasChildren(folder)) return 'NO [HASCHILDREN] Mailbox has children';
  account.deleteFolder(folder);
  return 'OK Done';
}

export async function rename(session: Session, args: readonly Token[]): Promise<string> {
  const account = accountOf(session);
  const folder = account.findFolder(mailboxName(args[0]));
  const newName = mailboxName(args[1]);
  if (folder === null) return 'NO [NONEXISTENT] No such mailbox';
  const refusal = session.server.options.hooks?.onCreate?.(newName, account.user);
  if (refusal !== undefined) return refusal;
  if (account.findFolder(newName) !== null) return 'NO [ALREADYEXISTS] Mailbox already exists';
  if (newName.startsWith(folder.wireName + session.server.options.store.separator)) return 'NO [CANNOT] Into itself';
  account.renameFolder(folder, newName);
  return 'OK Done';
}

export function setSubscribed(subscribed: boolean): CommandHandler['run'] {
  return async (session, args) => {
    const folder = accountOf(session).findFolder(mailboxName(args[0]));
    if (folder === null) return 'NO [NONEXISTENT] No such mailbox';
    folder.subscribed = subscribed;
    return 'OK Done';
  };
}

/** `(USE (\Sent))` of RFC 6154 §3. */
function wantedRole(session: Session, token: Token | undefined): FolderRole {
  if (token?.kind !== 'list' || textOf(token.items[0])?.toUpperCase() !== 'USE') return null;
  const uses = token.items[1];
  const wanted = uses?.kind === 'list' ? textOf(uses.items[0])?.toLowerCase() : undefined;
  for (const [role, attribute] of Object.entries(ATTRIBUTE_OF_ROLE)) {
    if (attribute.toLowerCase() === wanted && session.can('CREATE-SPECIAL-USE'))
      return role as keyof typeof ATTRIBUTE_OF_ROLE;
  }
  throw new Refusal('NO [USEATTR] Unknown use');
}

function accountOf(session: Session): Account {
  if (session.account === null) throw new Refusal('BAD Sign in first');
  return session.account;
}
