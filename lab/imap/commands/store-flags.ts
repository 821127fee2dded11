import { type ParsedCommand, type Token, textOf } from '../parser.ts';
import { formatUidSet } from '../sequence-set.ts';
import type { Session } from '../session.ts';
import type { StoredMessage } from '../stored-message.ts';
import { keptFlags } from './append.ts';
import { messagesNamed, writableOf } from './selection.ts';

/** STORE and UID STORE, with UNCHANGEDSINCE of RFC 7162 §3.1.3. */
export async function storeFlags(session: Session, args: readonly Token[], command: ParsedCommand): Promise<string> {
  const selected = writableOf(session);
  const unchangedSince = unchangedSinceOf(args[1]);
  const [operation, ...values] = args[1]?.kind === 'list' ? args.slice(2) : args.slice(1);
  const match = /^([+-]?)FLAGS(\.SILENT)?$/i.exec(textOf(operation) ?? '');
  if (match === null) return 'BAD STORE takes FLAGS';
  const first = values[0];
  const names = (first?.kind === 'list' ? first.items : values).map((value) => textOf(value) ?? '');
  const given = keptFlags(session, names);
  const byUid = command.name.startsWith('UID ');
  const failed: number[] = [];
  for (const { sequence, message } of messagesNamed(session, args[0], command)) {
    if (unchangedSince !== null && message.modSeq > unchangedSince) {
      failed.push(byUid ? message.uid : sequence);
      continue;
    }
    const changed = selected.folder.setFlags(message.uid, combined(message, match[1] ?? '', given));
    if (changed === null) continue;
    session.server.options.hooks?.onStore?.(changed, names);
    selected.noteShown(changed);
    const items = byUid ? [`UID ${changed.uid}`] : [];
    if (match[2] === undefined) items.push(`FLAGS (${[...changed.flags].join(' ')})`);
    if (session.enabled.has('CONDSTORE')) items.push(`MODSEQ (${changed.modSeq})`);
    if (match[2] === undefined || session.enabled.has('CONDSTORE')) {
      await session.send(`* ${sequence} FETCH (${items.join(' ')})`);
    }
  }
  return failed.length > 0 ? `OK [MODIFIED ${formatUidSet(failed)}] Some had changed` : 'OK Done';
}

function unchangedSinceOf(token: Token | undefined): number | null {
  if (token?.kind !== 'list' || textOf(token.items[0])?.toUpperCase() !== 'UNCHANGEDSINCE') return null;
  return Number(textOf(token.items[1]));
}

function combined(message: StoredMessage, sign: string, given: readonly string[]): ReadonlySet<string> {
  if (sign === '+') return new Set([...message.flags, ...given]);
  if (sign === '-') return new Set([...message.flags].filter((flag) => !given.includes(flag)));
  return new Set(given);
}
