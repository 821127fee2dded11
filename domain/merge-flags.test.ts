import { expect, test } from 'vitest';
import { mergeOf } from './merge-flags.ts';

const MERGES: readonly [what: string, base: string, source: string, target: string, add: string, remove: string][] = [
  ['T69: nothing changed, nothing is written', '\\Seen $MDNSent', '\\Seen $MDNSent', '\\Seen', '', ''],
  ['a flag that came at the source comes', '', '\\Seen', '', '\\Seen', ''],
  ['a flag that went at the source goes', '\\Flagged', '', '\\Flagged', '', '\\Flagged'],
  ['T71: what the user has read stays read', '', '', '\\Seen', '', ''],
  ['what the user has marked unread stays unread', '\\Seen', '\\Seen', '', '', ''],
  ['both sides did the same', '', '\\Answered', '\\Answered', '', ''],
  ['case does not make a flag another one', '\\SEEN', '\\Seen', '\\seen', '', ''],
  ['what was perhaps given before is given again', '\\Seen \\*', '\\Seen', '', '\\Seen', ''],
  ['what was perhaps given before is taken back', '\\Seen \\*', '', '\\Seen', '', '\\Seen'],
];

test.each(MERGES)('%s', (_, base, source, target, add, remove) => {
  const flags = (text: string) => text.split(' ').filter((flag) => flag !== '');
  expect(mergeOf(flags(base), flags(source), flags(target))).toEqual({ add: flags(add), remove: flags(remove) });
});
