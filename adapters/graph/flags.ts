import type { FlagChange } from '../../domain/ports/mail.ts';
import type { Json } from './mailbox-calls.ts';
import { PROPERTY } from './property-ids.ts';
import { numberOf, objectOfField, textsOf } from './rows.ts';

/** PidTagLastVerbExecuted and PidTagIconIndex for what was done with a message last (exchange.md §1.4). */
const ANSWERED = { verb: 102, icon: 261 };
const ANSWERED_ALL = 103;
const FORWARDED = { verb: 104, icon: 262 };
/** [MS-OXOMSG] 2.2.1.5: no verb; PidTagIconIndex of a read message, which nothing was done with. */
const NOTHING = { verb: 0, icon: 256 };
const FORWARDED_FLAG = '$Forwarded';
/** A category is a word between commas to people and to programs. */
const NO_CATEGORY = /[,;\x00-\x1f\x7f]/;

/** Fields and properties of a message that {@link flagsOf} reads. */
export const FLAG_FIELDS = 'isRead,isDraft,flag,categories';
export const FLAG_PROPERTIES = [PROPERTY.lastVerb, PROPERTY.imapDeleted] as const;

/** What a message shows of its state, and how that is asked for. */
export interface FlagState {
  readonly isRead: boolean;
  readonly isFlagged: boolean;
  readonly verb: typeof ANSWERED | typeof FORWARDED | typeof NOTHING;
  readonly isDeleted: boolean;
  readonly categories: readonly string[];
}

export function flagsOf(row: Json): readonly string[] {
  const verb = numberOf(row, PROPERTY.lastVerb);
  const flags = [
    row['isRead'] === true ? '\\Seen' : '',
    objectOfField(row, 'flag')['flagStatus'] === 'flagged' ? '\\Flagged' : '',
    verb === ANSWERED.verb || verb === ANSWERED_ALL ? '\\Answered' : '',
    verb === FORWARDED.verb ? FORWARDED_FLAG : '',
    row['isDraft'] === true ? '\\Draft' : '',
    numberOf(row, PROPERTY.imapDeleted) === 1 ? '\\Deleted' : '',
    ...textsOf(row, 'categories'),
  ];
  return flags.filter((flag) => flag !== '').toSorted();
}

/**
 * How flags stand at Exchange: `$Forwarded` and `\Answered` are one property, so an answer hides a forwarding; other keywords are
 * categories. `$MDNSent` would show itself as one (exchange.md §5.3).
 * @returns with those flags for which there is no place; `\Draft` is in neither: only the create call sets it
 */
export function stateOf(flags: readonly string[]): { readonly state: FlagState; readonly dropped: readonly string[] } {
  const has = (wanted: string) => flags.some((flag) => flag.toLowerCase() === wanted.toLowerCase());
  const keywords = flags.filter((flag) => !flag.startsWith('\\') && flag.toLowerCase() !== '$forwarded');
  const isCategory = (keyword: string) => !NO_CATEGORY.test(keyword) && keyword.toLowerCase() !== '$mdnsent';
  const unknown = flags.filter((flag) => flag.startsWith('\\') && !SYSTEM.has(flag.toLowerCase()));
  const isAnswered = has('\\Answered');
  return {
    state: {
      isRead: has('\\Seen'),
      isFlagged: has('\\Flagged'),
      verb: isAnswered ? ANSWERED : has(FORWARDED_FLAG) ? FORWARDED : NOTHING,
      isDeleted: has('\\Deleted'),
      categories: keywords.filter(isCategory),
    },
    dropped: [
      ...keywords.filter((keyword) => !isCategory(keyword)),
      ...unknown.filter((flag) => flag.toLowerCase() !== '\\recent'),
      ...(isAnswered && has(FORWARDED_FLAG) ? [FORWARDED_FLAG] : []),
    ],
  };
}

/** As a create call has it: what is not set is left out. */
export function stateFields({ isRead, isFlagged, categories }: FlagState): Json {
  return {
    isRead,
    ...(isFlagged && { flag: { flagStatus: 'flagged' } }),
    ...(categories.length > 0 && { categories }),
  };
}

export function stateProperties({ verb, isDeleted }: FlagState): readonly { id: string; value: string }[] {
  const verbs = [
    { id: PROPERTY.lastVerb, value: String(verb.verb) },
    { id: PROPERTY.icon, value: String(verb.icon) },
  ];
  return [...(verb === NOTHING ? [] : verbs), ...(isDeleted ? [{ id: PROPERTY.imapDeleted, value: '1' }] : [])];
}

/**
 * What has to be written so that a message that shows `before` changes as asked; null where it is so already. Only what differs is
 * named: each is `Always` updatable (exchange.md §1.4).
 */
export function patchOf(before: readonly string[], { add, remove }: FlagChange): Json | null {
  const isRemoved = (flag: string) => remove.some((each) => each.toLowerCase() === flag.toLowerCase());
  const after = [...new Set([...before, ...add])].filter((flag) => !isRemoved(flag));
  const [{ state: old }, { state: wanted }] = [stateOf(before), stateOf(after)];
  const properties = [
    ...(old.verb === wanted.verb
      ? []
      : [
          { id: PROPERTY.lastVerb, value: String(wanted.verb.verb) },
          { id: PROPERTY.icon, value: String(wanted.verb.icon) },
        ]),
    ...(old.isDeleted === wanted.isDeleted ? [] : [{ id: PROPERTY.imapDeleted, value: wanted.isDeleted ? '1' : '0' }]),
  ];
  const patch = {
    ...(old.isRead !== wanted.isRead && { isRead: wanted.isRead }),
    ...(old.isFlagged !== wanted.isFlagged && {
      flag: { flagStatus: wanted.isFlagged ? 'flagged' : 'notFlagged' },
    }),
    ...(!sameWords(old.categories, wanted.categories) && { categories: wanted.categories }),
    ...(properties.length > 0 && { singleValueExtendedProperties: properties }),
  };
  return Object.keys(patch).length === 0 ? null : patch;
}

const SYSTEM: ReadonlySet<string> = new Set(['\\seen', '\\answered', '\\flagged', '\\deleted', '\\draft']);

function sameWords(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((word) => other.includes(word));
}
