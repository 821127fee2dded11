import type { FlagChange } from '../../domain/ports/mail.ts';
import type { EwsClient } from './client.ts';
import { type FoundItem, findItems, uidRange } from './find-items.ts';
import {
  categoriesOf,
  extended,
  FIELDS,
  type Field,
  FLAG_FIELDS,
  FLAGGED,
  flagsOf,
  ICONS,
  partFlags,
  readCategories,
} from './properties.ts';
import { xml } from './xml.ts';

/**
 * Adds and removes flags of one message by one UpdateItem of what has to change; nothing to change is no request. `\Draft` stays what it
 * was made (exchange.md §1.2).
 * @throws as EwsClient.askOne
 */
export async function updateFlags(client: EwsClient, folderId: string, uid: number, change: FlagChange): Promise<void> {
  for await (const item of findItems(client, folderId, (from) => uidRange(from, uid + 1), FLAG_FIELDS, uid)) {
    const updates = updatesOf(item, change);
    if (updates.length === 0) return;
    const itemChange = xml('t:ItemChange', {}, xml('t:ItemId', { Id: item.itemId }), xml('t:Updates', {}, ...updates));
    const attributes = {
      MessageDisposition: 'SaveOnly',
      ConflictResolution: 'AlwaysOverwrite',
      // To mark as read is to send the receipt that was asked for, but for this (UpdateItemType, Exchange2013 SP1; T70).
      SuppressReadReceipts: true,
    };
    const request = {
      operation: 'UpdateItem',
      effect: true,
      facts: { folder: folderId, uid },
      body: xml('m:UpdateItem', attributes, xml('m:ItemChanges', {}, itemChange)),
    };
    const [answer] = await client.ask(request);
    const refusal = answer?.refusal ?? null;
    // It went after it was found.
    if (refusal !== null && refusal.code !== 'ErrorItemNotFound') throw client.refusalOf(request, refusal);
    return;
  }
}

function updatesOf({ element }: FoundItem, { add, remove }: FlagChange): readonly string[] {
  const before = partFlags(flagsOf(element));
  const without = new Set(remove.map((flag) => flag.toLowerCase()));
  const wanted = [...new Set([...flagsOf(element), ...add])].filter((flag) => !without.has(flag.toLowerCase()));
  const after = partFlags(wanted);
  const updates: string[] = [];
  if (before.isSeen !== after.isSeen) {
    updates.push(set(FIELDS.isRead, xml('t:IsRead', {}, String(after.isSeen))));
  }
  if (before.isFlagged !== after.isFlagged)
    updates.push(...setNumber(FIELDS.flagStatus, after.isFlagged ? FLAGGED : null));
  if (before.isDeleted !== after.isDeleted) updates.push(...setNumber(FIELDS.deleted, after.isDeleted ? 1 : null));
  const { verb } = after;
  if (before.verb !== verb) {
    const icon = verb === null ? null : (ICONS[verb] ?? null);
    updates.push(...setNumber(FIELDS.lastVerb, verb), ...setNumber(FIELDS.icon, icon));
  }
  const [had, has] = [readCategories(element).toSorted(), after.categories.toSorted()];
  if (had.join('\n') !== has.join('\n')) {
    updates.push(has.length === 0 ? unset(FIELDS.categories) : set(FIELDS.categories, categoriesOf(after.categories)));
  }
  return updates;
}

function setNumber(field: Field, value: number | null): readonly string[] {
  return [value === null ? unset(field) : set(field, extended(field, value))];
}

function set({ path }: Field, inner: string): string {
  return xml('t:SetItemField', {}, path, xml('t:Message', {}, inner));
}

function unset({ path }: Field): string {
  return xml('t:DeleteItemField', {}, path);
}
