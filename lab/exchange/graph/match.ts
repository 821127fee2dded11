import { fieldValues } from '../../imap/message-parts.ts';
import { PROPERTY } from '../mail/message-properties.ts';
import { parsePropertyId } from '../mail/property-id.ts';
import { compare, type Filter, notUnderstood, type Value } from './filter.ts';
import { contentFor, type GraphMailWorld, type Located } from './mailbox.ts';
import { categoriesOf, followUpOf } from './message-state.ts';
import { readProperty } from './properties.ts';

/** Whether a message is what a filter asks for. @throws Refusal 400 for a property that cannot be filtered by */
export async function matches(world: GraphMailWorld, located: Located, filter: Filter): Promise<boolean> {
  switch (filter.op) {
    case 'and':
      for (const part of filter.of) if (!(await matches(world, located, part))) return false;
      return true;
    case 'or':
      for (const part of filter.of) if (await matches(world, located, part)) return true;
      return false;
    case 'not':
      return !(await matches(world, located, filter.of[0]));
    case 'compare':
      return compare(await fieldOf(world, located, filter.path), filter.by, filter.value);
    case 'startswith':
    case 'contains': {
      const value = await fieldOf(world, located, filter.path);
      if (typeof value !== 'string') throw notUnderstood();
      const [text, part] = [value.toLowerCase(), filter.value.toLowerCase()];
      return filter.op === 'startswith' ? text.startsWith(part) : text.includes(part);
    }
    case 'any':
      return any(world, located, filter.path, filter.variable, filter.where);
    case 'cast':
      throw notUnderstood();
  }
}

async function fieldOf(world: GraphMailWorld, located: Located, path: string): Promise<Value> {
  const { message, item } = located;
  switch (path) {
    case 'isRead':
      return message.flags.has('\\Seen');
    case 'isDraft':
      return item.isDraft;
    case 'receivedDateTime':
      return message.internalDate.getTime();
    case 'sentDateTime':
      return Date.parse(readProperty(world.items, located, { canonical: PROPERTY.sentAt }) ?? '') || null;
    case 'createdDateTime':
      return item.createdAtMs;
    case 'importance':
      return item.importance;
    case 'internetMessageId':
      return fieldValues(message.raw, 'Message-ID')[0] ?? null;
    case 'flag/flagStatus':
      return followUpOf(located);
    case 'subject':
      return (await contentFor(world, message)).subject;
    case 'from/emailAddress/address':
      return (await contentFor(world, message)).from?.address ?? null;
    case 'hasAttachments':
      return (await contentFor(world, message)).attachments.some(({ isInline }) => !isInline);
    default:
      throw notUnderstood();
  }
}

function any(world: GraphMailWorld, located: Located, path: string, variable: string, where: Filter): boolean {
  if (path.toLowerCase() === 'categories') {
    return categoriesOf(located).some((category) => holds(where, (name) => (name === variable ? category : undefined)));
  }
  if (path.toLowerCase() !== 'singlevalueextendedproperties') throw notUnderstood();
  const id = idIn(where, `${variable}/id`);
  if (id === null) throw notUnderstood();
  const value = readProperty(world.items, located, id);
  if (value === null) return false;
  return holds(where, (name) => {
    if (name === `${variable}/id`) return true; // read by it
    return name === `${variable}/value` ? value : undefined;
  });
}

/** The one property that `… eq 'String {guid} Name x'` inside `any` names. */
function idIn(where: Filter, path: string): { canonical: string } | null {
  const parts = where.op === 'and' ? where.of : [where];
  for (const part of parts) {
    if (part.op !== 'compare' || part.path !== path || part.by !== 'eq') continue;
    return typeof part.value === 'string' ? parsePropertyId(part.value) : null;
  }
  return null;
}

/** @param read what a name stands for: `true` for a comparison that is settled already; undefined for a name that is unknown here */
function holds(where: Filter, read: (name: string) => string | true | undefined): boolean {
  switch (where.op) {
    case 'and':
      return where.of.every((part) => holds(part, read));
    case 'or':
      return where.of.some((part) => holds(part, read));
    case 'not':
      return !holds(where.of[0], read);
    case 'compare': {
      const value = read(where.path);
      if (value === undefined) throw notUnderstood();
      return value === true || compare(value, where.by, where.value);
    }
    case 'cast': {
      // Microsoft's page on singleValueLegacyExtendedProperty: numbers are compared through cast().
      const value = read(where.path);
      if (typeof value !== 'string' || !/^Edm\.(Int32|Int64|Double)$/.test(where.type)) throw notUnderstood();
      return compare(Number(value), where.by, where.value);
    }
    default:
      throw notUnderstood();
  }
}
