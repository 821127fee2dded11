import type { Folder } from '../folder.ts';
import type { ParsedCommand, Token } from '../parser.ts';
import { formatUidSet } from '../sequence-set.ts';
import type { Session } from '../session.ts';
import { folderNamed, mailboxName } from './mailbox-argument.ts';
import { messagesNamed, type Position, writableOf } from './selection.ts';

export async function copy(session: Session, args: readonly Token[], command: ParsedCommand): Promise<string> {
  const target = targetNamed(session, args[1]);
  if (target === null) return 'NO [TRYCREATE] No such mailbox';
  const code = copyAll(session, messagesNamed(session, args[0], command), target, false);
  return `OK ${code}Done`;
}

/** RFC 6851: COPYUID goes in an untagged OK, before the EXPUNGEs. */
export async function move(session: Session, args: readonly Token[], command: ParsedCommand): Promise<string> {
  const selected = writableOf(session);
  const target = targetNamed(session, args[1]);
  if (target === null) return 'NO [TRYCREATE] No such mailbox';
  const moved = messagesNamed(session, args[0], command);
  const code = copyAll(session, moved, target, true);
  if (code !== '') await session.send(`* OK ${code}Moved`);
  selected.folder.expunge(moved.map(({ message }) => message.uid));
  return 'OK Done';
}

export async function expunge(session: Session): Promise<string> {
  const { folder } = writableOf(session);
  folder.expunge(folder.messages.filter((each) => each.flags.has('\\Deleted')).map((each) => each.uid));
  return 'OK Done';
}

export async function uidExpunge(session: Session, args: readonly Token[], command: ParsedCommand): Promise<string> {
  const { folder } = writableOf(session);
  const named = messagesNamed(session, args[0], command).filter(({ message }) => message.flags.has('\\Deleted'));
  folder.expunge(named.map(({ message }) => message.uid));
  return 'OK Done';
}

function targetNamed(session: Session, token: Token | undefined): Folder | null {
  return session.account?.findFolder(mailboxName(token))?.selectable ? folderNamed(session, token) : null;
}

function copyAll(session: Session, positions: readonly Position[], target: Folder, keepId: boolean): string {
  const copies = positions.map(({ message }) => {
    const { raw, flags, internalDate, id } = message;
    const copied = target.append({ raw, flags, internalDate, ...(keepId && { id }) });
    if (!keepId) session.server.options.hooks?.onCopied?.(message, copied);
    return copied;
  });
  if (!session.can('UIDPLUS') || copies.length === 0) return '';
  const sourceUids = formatUidSet(positions.map(({ message }) => message.uid));
  return `[COPYUID ${target.uidValidity} ${sourceUids} ${formatUidSet(copies.map((each) => each.uid))}] `;
}
