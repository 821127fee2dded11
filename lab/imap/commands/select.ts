import { nstring } from '../envelope.ts';
import type { Folder } from '../folder.ts';
import { DEFAULT_PERMANENT_FLAGS } from '../options.ts';
import { type ParsedCommand, type Token, textOf } from '../parser.ts';
import { Refusal } from '../refusal.ts';
import type { Session } from '../session.ts';
import { folderNamed } from './mailbox-argument.ts';
import { parseResync, tellSince } from './resync.ts';

/** SELECT and EXAMINE. A failed one leaves no folder selected (RFC 3501 §6.3.1). */
export async function examineOrSelect(
  session: Session,
  args: readonly Token[],
  command: ParsedCommand,
): Promise<string> {
  session.select(null);
  const folder = folderNamed(session, args[0]);
  const readOnly = command.name === 'EXAMINE';
  const parameters = args[1]?.kind === 'list' ? args[1].items : [];
  const words = parameters.map((each) => textOf(each)?.toUpperCase());
  if (words.includes('CONDSTORE')) {
    if (!session.can('CONDSTORE')) return 'BAD CONDSTORE is not offered';
    session.enabled.add('CONDSTORE');
  }
  const resync = words.includes('QRESYNC') ? parseResync(session, parameters[words.indexOf('QRESYNC') + 1]) : null;
  session.select(folder, readOnly);
  const permanent = session.server.options.permanentFlags ?? DEFAULT_PERMANENT_FLAGS;
  const used = new Set(folder.messages.flatMap((message) => [...message.flags]));
  const flags = [...new Set([...permanent.filter((flag) => flag !== '\\*'), ...used])];
  const unseenAt = folder.messages.findIndex((message) => !message.flags.has('\\Seen'));
  const lines = [
    `FLAGS (${flags.join(' ')})`,
    `OK [PERMANENTFLAGS (${readOnly ? '' : [...new Set([...flags, ...permanent])].join(' ')})] Flags`,
    `${folder.messages.length} EXISTS`,
    '0 RECENT',
    ...(unseenAt >= 0 ? [`OK [UNSEEN ${unseenAt + 1}] First unseen`] : []),
    `OK [UIDVALIDITY ${folder.uidValidity}] UIDs valid`,
    `OK [UIDNEXT ${folder.uidNext}] Next UID`,
    ...(session.can('CONDSTORE') ? [`OK [HIGHESTMODSEQ ${folder.highestModSeq}] Highest`] : []),
  ];
  for (const line of lines) await session.send(`* ${line}`);
  if (resync !== null) await tellSince(session, folder, resync);
  return readOnly ? 'OK [READ-ONLY] Done' : 'OK [READ-WRITE] Done';
}

export async function status(session: Session, args: readonly Token[]): Promise<string> {
  const folder = folderNamed(session, args[0]);
  if (args[1]?.kind !== 'list') return 'BAD STATUS takes a list';
  const wanted = args[1].items.map((item) => textOf(item)?.toUpperCase() ?? '');
  if (wanted.includes('HIGHESTMODSEQ') && !session.can('CONDSTORE')) return 'BAD HIGHESTMODSEQ is not offered';
  await session.send('* STATUS ', ...nstring(folder.wireName), ` (${statusItems(folder, wanted)})`);
  return 'OK Done';
}

export async function close(session: Session): Promise<string> {
  const selected = session.selected;
  if (selected !== null && !selected.readOnly) {
    const deleted = selected.folder.messages.filter((message) => message.flags.has('\\Deleted'));
    selected.folder.expunge(deleted.map((message) => message.uid));
  }
  session.select(null);
  return 'OK Done';
}

export async function unselect(session: Session): Promise<string> {
  session.select(null);
  return 'OK Done';
}

export function statusItems(folder: Folder, wanted: readonly string[]): string {
  return wanted.map((name) => `${name} ${statusNumber(folder, name)}`).join(' ');
}

function statusNumber(folder: Folder, name: string): number {
  switch (name) {
    case 'MESSAGES':
      return folder.messages.length;
    case 'RECENT':
      return 0;
    case 'UIDNEXT':
      return folder.uidNext;
    case 'UIDVALIDITY':
      return folder.uidValidity;
    case 'HIGHESTMODSEQ':
      return folder.highestModSeq;
    case 'UNSEEN':
      return folder.messages.filter((message) => !message.flags.has('\\Seen')).length;
    case 'DELETED':
      return folder.messages.filter((message) => message.flags.has('\\Deleted')).length;
    case 'SIZE':
      return folder.messages.reduce((sum, message) => sum + message.sizeBytes, 0);
    default:
      throw new Refusal(`BAD Unknown status item`);
  }
}
