import { formatInternalDate } from '../dates.ts';
import { bodyStructureOf, envelopeOf, type Piece } from '../envelope.ts';
import { gmailItem } from '../gmail.ts';
import { bodyOffset, selectFields } from '../message-parts.ts';
import { type ParsedCommand, type Token, textOf } from '../parser.ts';
import { Refusal } from '../refusal.ts';
import type { Session } from '../session.ts';
import type { StoredMessage } from '../stored-message.ts';
import { tellVanished } from './resync.ts';
import { messagesNamed, selectedOf } from './selection.ts';

/** `BODY.PEEK[HEADER.FIELDS (A B)]<0.9>` taken apart. */
const BODY_ITEM =
  /^BODY(\.PEEK)?\[(HEADER\.FIELDS(?:\.NOT)?|HEADER|TEXT|[\d.]*(?:MIME)?)(?: \(([^)]*)\))?\](?:<(\d+)(?:\.(\d+))?>)?$/i;

const MACROS: Readonly<Record<string, readonly string[]>> = {
  FAST: ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE'],
  ALL: ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE'],
  FULL: ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE', 'BODY'],
};

export async function fetch(session: Session, args: readonly Token[], command: ParsedCommand): Promise<string> {
  const selected = selectedOf(session);
  const items = wantedItems(args[1], command.name === 'UID FETCH');
  const changedSince = changedSinceOf(session, args[2]);
  if (changedSince !== null && wantsVanished(session, args[2], command)) {
    await tellVanished(session, selected.folder, changedSince, textOf(args[0]) ?? '');
  }
  if (session.enabled.has('CONDSTORE') && changedSince !== null && !items.includes('MODSEQ')) items.push('MODSEQ');
  const setsSeen = items.some((item) => /^(BODY\[|RFC822$|RFC822\.TEXT$)/i.test(item));
  for (const { sequence, message } of messagesNamed(session, args[0], command)) {
    if (changedSince !== null && message.modSeq <= changedSince) continue;
    let current = message;
    let told: readonly string[] = items;
    if (setsSeen && !selected.readOnly && !message.flags.has('\\Seen')) {
      current = selected.folder.setFlags(message.uid, new Set([...message.flags, '\\Seen'])) ?? message;
      selected.noteShown(current);
      if (!items.includes('FLAGS')) told = [...items, 'FLAGS'];
    }
    const pieces = told.flatMap((item, at): Piece[] => [...(at === 0 ? [] : [' ']), ...fetchItem(item, current)]);
    await session.send(`* ${sequence} FETCH (`, ...pieces, ')');
  }
  return 'OK Done';
}

function wantedItems(token: Token | undefined, byUid: boolean): string[] {
  const names = token?.kind === 'list' ? token.items.map(textOf) : [textOf(token)];
  const items = names.flatMap((name) => {
    if (name === null) throw new Refusal('BAD FETCH items missing');
    return MACROS[name.toUpperCase()] ?? [/^BODY(\.PEEK)?\[/i.test(name) ? name : name.toUpperCase()];
  });
  return byUid && !items.includes('UID') ? ['UID', ...items] : items;
}

function changedSinceOf(session: Session, token: Token | undefined): number | null {
  if (token?.kind !== 'list' || textOf(token.items[0])?.toUpperCase() !== 'CHANGEDSINCE') return null;
  if (!session.can('CONDSTORE')) throw new Refusal('BAD CONDSTORE is not offered');
  session.enabled.add('CONDSTORE');
  return Number(textOf(token.items[1]));
}

/** RFC 7162 §3.2.6: only UID FETCH, only with CHANGEDSINCE, only after ENABLE QRESYNC. */
function wantsVanished(session: Session, token: Token | undefined, command: ParsedCommand): boolean {
  if (token?.kind !== 'list' || textOf(token.items[2])?.toUpperCase() !== 'VANISHED') return false;
  if (!session.enabled.has('QRESYNC') || command.name !== 'UID FETCH') throw new Refusal('BAD VANISHED needs QRESYNC');
  return true;
}

function fetchItem(item: string, message: StoredMessage): Piece[] {
  switch (item) {
    case 'UID':
      return [`UID ${message.uid}`];
    case 'FLAGS':
      return [`FLAGS (${[...message.flags].join(' ')})`];
    case 'INTERNALDATE':
      return [`INTERNALDATE "${formatInternalDate(message.internalDate)}"`];
    case 'RFC822.SIZE':
      return [`RFC822.SIZE ${message.sizeBytes}`];
    case 'MODSEQ':
      return [`MODSEQ (${message.modSeq})`];
    case 'X-GM-MSGID':
    case 'X-GM-THRID':
    case 'X-GM-LABELS':
      if (message.labels === null) throw new Refusal('BAD Unknown FETCH item');
      return gmailItem(item, message);
    default:
      return contentItem(item, message.raw);
  }
}

/** Items for which a message has to be there in full. */
function contentItem(item: string, raw: Buffer): Piece[] {
  switch (item) {
    case 'ENVELOPE':
      return ['ENVELOPE ', ...envelopeOf(raw)];
    case 'BODY':
    case 'BODYSTRUCTURE':
      return [`${item} `, ...bodyStructureOf(raw)];
    case 'RFC822':
      return ['RFC822 ', raw];
    case 'RFC822.HEADER':
      return ['RFC822.HEADER ', raw.subarray(0, bodyOffset(raw))];
    case 'RFC822.TEXT':
      return ['RFC822.TEXT ', raw.subarray(bodyOffset(raw))];
    default:
      return bodyItem(item, raw);
  }
}

function bodyItem(item: string, raw: Buffer): Piece[] {
  const match = BODY_ITEM.exec(item);
  if (match === null) throw new Refusal('BAD Unknown FETCH item');
  const [, , section = '', fields, offset, count] = match;
  const content = sectionOf(raw, section.toUpperCase(), fields);
  const label = `BODY[${section}${fields === undefined ? '' : ` (${fields})`}]`;
  if (content === null) return [`${label} NIL`];
  if (offset === undefined) return [`${label} `, content];
  const from = Number(offset);
  const part = content.subarray(from, count === undefined ? undefined : from + Number(count));
  return [`${label}<${offset}> `, part];
}

/** Messages count as one part, as their BODYSTRUCTURE says, so `1` is the text. */
function sectionOf(raw: Buffer, section: string, fields: string | undefined): Buffer | null {
  switch (section) {
    case '':
      return raw;
    case 'HEADER':
    case '1.MIME':
      return raw.subarray(0, bodyOffset(raw));
    case 'TEXT':
    case '1':
      return raw.subarray(bodyOffset(raw));
    case 'HEADER.FIELDS':
    case 'HEADER.FIELDS.NOT': {
      const names = (fields ?? '').split(' ').map((name) => name.replaceAll('"', ''));
      return selectFields(raw, names, section.endsWith('NOT'));
    }
    default:
      return null;
  }
}
