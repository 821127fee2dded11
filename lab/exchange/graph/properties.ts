import type { Items } from '../mail/items.ts';
import { FLAG_BITS, flagsMeantBy, PROPERTY, propertyOf } from '../mail/message-properties.ts';
import type { PropertyId } from '../mail/property-id.ts';
import type { Located } from './mailbox.ts';

/** The value as Graph gives it; null where the message has no such property. */
export function readProperty(
  items: Items,
  located: Located,
  { canonical }: Pick<PropertyId, 'canonical'>,
): string | null {
  // The size is asked for under both types, and both are answered (recalled).
  return propertyOf(located, items, canonical === 'Long 0x0E08' ? PROPERTY.size : canonical);
}

/** What a create or an update by properties asks of the message itself; null: nothing. */
export interface Effects {
  readonly read: boolean | null;
  /** Counts in a create alone (exchange.md §1.2). */
  readonly draft: boolean | null;
  readonly receivedAt: Date | null;
  readonly flagged: boolean | null;
  readonly answered: boolean | null;
}

export function effectsOf(properties: ReadonlyMap<string, string>): Effects {
  const bits = properties.get(PROPERTY.messageFlags);
  const received = properties.get(PROPERTY.receivedAt);
  const meant = flagsMeantBy(properties);
  return {
    read: bits === undefined ? null : (Number(bits) & FLAG_BITS.read) !== 0,
    draft: bits === undefined ? null : (Number(bits) & FLAG_BITS.unsent) !== 0,
    receivedAt: received === undefined ? null : new Date(received),
    flagged: properties.has(PROPERTY.flagStatus) ? meant.includes('\\Flagged') : null,
    answered: properties.has(PROPERTY.lastVerb) ? meant.includes('\\Answered') : null,
  };
}
