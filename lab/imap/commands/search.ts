import { parseSearchDate } from '../dates.ts';
import { bodyOffset, fieldValues } from '../message-parts.ts';
import { type ParsedCommand, type Token, textOf } from '../parser.ts';
import { Refusal } from '../refusal.ts';
import type { SelectedFolder } from '../selected-folder.ts';
import { positionsIn } from '../sequence-set.ts';
import type { Session } from '../session.ts';
import { type Position, selectedOf } from './selection.ts';

type Predicate = (candidate: Position) => boolean;

const DAY_MS = 86_400_000;
const FLAG_KEYS = ['ANSWERED', 'DELETED', 'DRAFT', 'FLAGGED', 'SEEN'];

/** SEARCH and UID SEARCH with the keys of RFC 3501 §6.4.4 and MODSEQ. Text is compared byte by byte, ASCII case aside. */
export async function search(session: Session, args: readonly Token[], command: ParsedCommand): Promise<string> {
  const selected = selectedOf(session);
  const withoutCharset = textOf(args[0])?.toUpperCase() === 'CHARSET' ? args.slice(2) : args;
  if (withoutCharset.length === 0) return 'BAD Search key missing';
  const matches = new SearchKeys(withoutCharset, selected, session).all();
  const found: number[] = [];
  for (const [position, uid] of selected.uids.entries()) {
    const message = selected.messageAt(position);
    if (message === null || !matches({ sequence: position + 1, message })) continue;
    found.push(command.name === 'UID SEARCH' ? uid : position + 1);
  }
  await session.send(['* SEARCH', ...found].join(' '));
  return 'OK Done';
}

class SearchKeys {
  readonly #tokens: readonly Token[];
  readonly #selected: SelectedFolder;
  readonly #session: Session;
  #at = 0;

  constructor(tokens: readonly Token[], selected: SelectedFolder, session: Session) {
    this.#tokens = tokens;
    this.#selected = selected;
    this.#session = session;
  }

  all(): Predicate {
    const predicates: Predicate[] = [];
    while (this.#at < this.#tokens.length) predicates.push(this.#key());
    return (candidate) => predicates.every((matches) => matches(candidate));
  }

  #key(): Predicate {
    const token = this.#tokens[this.#at++];
    if (token?.kind === 'list') return new SearchKeys(token.items, this.#selected, this.#session).all();
    const key = textOf(token)?.toUpperCase() ?? '';
    const unset = key.startsWith('UN') ? key.slice(2) : null;
    if (FLAG_KEYS.includes(key)) return hasFlag(`\\${key}`);
    if (unset !== null && FLAG_KEYS.includes(unset)) return not(hasFlag(`\\${unset}`));
    switch (key) {
      case 'ALL':
      case 'OLD':
        return () => true;
      case 'NEW':
      case 'RECENT':
        return () => false;
      case 'NOT':
        return not(this.#key());
      case 'OR': {
        const one = this.#key();
        const other = this.#key();
        return (candidate) => one(candidate) || other(candidate);
      }
      case 'KEYWORD':
        return hasFlag(this.#text());
      case 'UNKEYWORD':
        return not(hasFlag(this.#text()));
      case 'UID':
        return this.#inSet(this.#text(), 'uid');
      case 'HEADER':
        return inField(this.#text(), this.#text());
      case 'SUBJECT':
      case 'FROM':
      case 'TO':
      case 'CC':
      case 'BCC':
        return inField(key, this.#text());
      case 'TEXT':
        return this.#inText(0);
      case 'BODY':
        return this.#inText('body');
      case 'LARGER':
      case 'SMALLER': {
        const size = Number(this.#text());
        return ({ message }) => (key === 'LARGER' ? message.sizeBytes > size : message.sizeBytes < size);
      }
      case 'MODSEQ': {
        if (!this.#session.can('CONDSTORE')) throw new Refusal('BAD CONDSTORE is not offered');
        const modSeq = Number(this.#text());
        return ({ message }) => message.modSeq >= modSeq;
      }
      case 'SINCE':
      case 'BEFORE':
      case 'ON':
        return onDay(key, this.#day(), ({ message }) => message.internalDate.getTime());
      case 'SENTSINCE':
      case 'SENTBEFORE':
      case 'SENTON':
        return onDay(key.slice(4), this.#day(), ({ message }) => Date.parse(fieldValues(message.raw, 'Date')[0] ?? ''));
      default:
        return this.#inSet(key, 'sequence');
    }
  }

  #text(): string {
    const text = textOf(this.#tokens[this.#at++]);
    if (text === null) throw new Refusal('BAD Search argument missing');
    return text;
  }

  #day(): number {
    const date = parseSearchDate(this.#text());
    if (date === null) throw new Refusal('BAD Invalid date');
    return date.getTime();
  }

  #inSet(set: string, by: 'uid' | 'sequence'): Predicate {
    const positions = positionsIn(set, this.#selected.uids, by);
    if (positions === null) throw new Refusal('BAD Unknown search key');
    const sequences = new Set(positions.map((position) => position + 1));
    return ({ sequence }) => sequences.has(sequence);
  }

  #inText(from: 0 | 'body'): Predicate {
    const wanted = this.#text().toLowerCase();
    return ({ message: { raw } }) =>
      raw
        .toString('latin1', from === 'body' ? bodyOffset(raw) : 0)
        .toLowerCase()
        .includes(wanted);
  }
}

function not(matches: Predicate): Predicate {
  return (candidate) => !matches(candidate);
}

function hasFlag(flag: string): Predicate {
  const wanted = flag.toLowerCase();
  return ({ message }) => [...message.flags].some((each) => each.toLowerCase() === wanted);
}

/** An empty value asks whether the field is there at all (RFC 3501 §6.4.4). */
function inField(name: string, value: string): Predicate {
  const wanted = value.toLowerCase();
  return ({ message }) => fieldValues(message.raw, name).some((each) => each.toLowerCase().includes(wanted));
}

function onDay(key: string, day: number, timeOf: (candidate: Position) => number): Predicate {
  return (candidate) => {
    const time = timeOf(candidate);
    if (key === 'BEFORE') return time < day;
    return time >= day && (key === 'SINCE' || time < day + DAY_MS);
  };
}
