import { isFlagged } from '../mail/items.ts';
import { PROPERTY } from '../mail/message-properties.ts';
import type { Located } from './mailbox.ts';

export type FollowUp = 'notFlagged' | 'flagged' | 'complete';

export function followUpOf({ message, item }: Located): FollowUp {
  if (isFlagged(message, item)) return 'flagged';
  return item.properties.get(PROPERTY.flagStatus) === '1' ? 'complete' : 'notFlagged';
}

/** Categories, and what IMAP left as a keyword: `$MDNSent` shows as a category (exchange.md §5.3). */
export function categoriesOf({ message, item }: Located): string[] {
  const keywords = [...message.flags].filter((flag) => !flag.startsWith('\\'));
  return [...new Set([...item.categories, ...keywords])];
}
