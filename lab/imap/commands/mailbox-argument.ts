import type { Folder } from '../folder.ts';
import { type Token, textOf } from '../parser.ts';
import { Refusal } from '../refusal.ts';
import type { Session } from '../session.ts';

/** The folder that a token names, open for commands; a refusal where there is none. */
export function folderNamed(session: Session, token: Token | undefined): Folder {
  const folder = session.account?.findFolder(mailboxName(token)) ?? null;
  if (folder === null || !folder.selectable) throw new Refusal('NO [NONEXISTENT] No such mailbox');
  return folder;
}

export function mailboxName(token: Token | undefined): string {
  const name = textOf(token);
  if (name === null || name === '') throw new Refusal('BAD Mailbox name missing');
  return name;
}
