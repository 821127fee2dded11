import { type ParsedCommand, type Token, textOf } from '../parser.ts';
import { Refusal } from '../refusal.ts';
import type { SelectedFolder } from '../selected-folder.ts';
import { positionsIn } from '../sequence-set.ts';
import type { Session } from '../session.ts';
import type { StoredMessage } from '../stored-message.ts';

export interface Position {
  /** Sequence number, from 1. */
  sequence: number;
  message: StoredMessage;
}

export function selectedOf(session: Session): SelectedFolder {
  if (session.selected === null) throw new Refusal('BAD No folder selected');
  return session.selected;
}

export function writableOf(session: Session): SelectedFolder {
  const selected = selectedOf(session);
  if (selected.readOnly) throw new Refusal('NO [READ-ONLY] The folder is open for reading');
  return selected;
}

/** Messages that the first argument names, without those that another session removed meanwhile. */
export function messagesNamed(session: Session, set: Token | undefined, command: ParsedCommand): readonly Position[] {
  const selected = selectedOf(session);
  const by = command.name.startsWith('UID ') ? 'uid' : 'sequence';
  const positions = positionsIn(textOf(set) ?? '', selected.uids, by);
  if (positions === null) throw new Refusal('BAD Invalid set');
  return positions.flatMap((position) => {
    const message = selected.messageAt(position);
    return message === null ? [] : [{ sequence: position + 1, message }];
  });
}
