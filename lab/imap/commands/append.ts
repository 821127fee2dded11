import { parseInternalDate } from '../dates.ts';
import type { IncomingMessage } from '../hooks.ts';
import { DEFAULT_PERMANENT_FLAGS } from '../options.ts';
import { type Token, textOf } from '../parser.ts';
import { Refusal } from '../refusal.ts';
import { formatUidSet } from '../sequence-set.ts';
import type { Session } from '../session.ts';
import { folderNamed, mailboxName } from './mailbox-argument.ts';

/** APPEND, and MULTIAPPEND (RFC 3502) where offered: all messages of one command are stored, or none. */
export async function append(session: Session, args: readonly Token[]): Promise<string> {
  const name = mailboxName(args[0]);
  const known = session.account?.findFolder(name) ?? null;
  if (known === null || !known.selectable) return 'NO [TRYCREATE] No such mailbox';
  const folder = folderNamed(session, args[0]);
  const messages = messageGroups(session, name, args.slice(1));
  if (messages.length > 1 && !session.can('MULTIAPPEND')) return 'BAD One message at a time';
  const { hooks } = session.server.options;
  const accepted: IncomingMessage[] = [];
  for (const message of messages) {
    const verdict = (await hooks?.onAppend?.(message)) ?? message;
    if ('reply' in verdict) throw new Refusal(verdict.reply);
    accepted.push(verdict);
  }
  const uids = accepted.map((message) => {
    const { raw, flags, internalDate } = message;
    const stored = folder.append({ raw, flags: keptFlags(session, flags), ...(internalDate && { internalDate }) });
    hooks?.onAppended?.(stored, message);
    return stored.uid;
  });
  return session.can('UIDPLUS') ? `OK [APPENDUID ${folder.uidValidity} ${formatUidSet(uids)}] Done` : 'OK Done';
}

/** Flags that can be kept: all the server knows, others only where it takes new keywords. `\Recent` is never the client's. */
export function keptFlags(session: Session, flags: readonly string[]): string[] {
  const permanent = session.server.options.permanentFlags ?? DEFAULT_PERMANENT_FLAGS;
  const byLowerCase = new Map(permanent.map((flag) => [flag.toLowerCase(), flag]));
  return flags.flatMap((flag) => {
    const known = byLowerCase.get(flag.toLowerCase());
    if (known !== undefined && known !== '\\*') return [known];
    return permanent.includes('\\*') && !flag.startsWith('\\') ? [flag] : [];
  });
}

function messageGroups(session: Session, folder: string, args: readonly Token[]): IncomingMessage[] {
  const messages: IncomingMessage[] = [];
  let flags: readonly string[] = [];
  let internalDate: Date | null = null;
  let complete = false;
  for (const arg of args) {
    complete = false;
    if (arg.kind === 'list') {
      flags = arg.items.map((item) => textOf(item) ?? '');
    } else if (arg.kind === 'string' && !arg.literal) {
      internalDate = parseInternalDate(arg.value.toString('latin1'));
      if (internalDate === null) throw new Refusal('BAD Invalid date-time');
    } else if (arg.kind === 'string') {
      // RFC 3501 §9: CHAR8 of a literal excludes NUL; Cyrus refuses it likewise, Dovecot stores 0x80 (measured).
      if (arg.value.includes(0))
        throw new Refusal(session.server.options.texts?.nulInLiteral ?? 'BAD NUL in a literal');
      const user = session.account?.user ?? '';
      messages.push({ user, folder, raw: arg.value, flags, internalDate });
      flags = [];
      internalDate = null;
      complete = true;
    } else {
      throw new Refusal('BAD Unexpected argument');
    }
  }
  if (!complete) throw new Refusal('BAD Message missing');
  return messages;
}
