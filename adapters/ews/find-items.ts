import type { Element } from '@xmldom/xmldom';
import type { EwsClient } from './client.ts';
import { additional, FIELDS, type Field, numberOf } from './properties.ts';
import { childElements, find, xml } from './xml.ts';

/** Rows of one answer: the largest page that a server gives by default (exchange.md §4.2). */
const PAGE = 1_000;
/** Conditions in one request: a tree of them is worked through for each item. */
const MOST_CONDITIONS = 100;

export interface FoundItem {
  readonly itemId: string;
  readonly uid: number;
  readonly element: Element;
}

/**
 * Items of a folder that meet a condition, by ascending UID. Pages continue behind the last UID, not by a count, so that what comes or
 * goes meanwhile neither hides nor doubles a row. An item without a UID is not there for IMAP either, and is left out.
 * @throws as EwsClient.askOne
 */
export async function* findItems(
  client: EwsClient,
  folderId: string,
  condition: (fromUid: number) => string,
  fields: readonly Field[],
  fromUid = 1,
): AsyncGenerator<FoundItem, void, undefined> {
  for (let next = fromUid; ; ) {
    const { items, isLast } = await readPage(client, folderId, condition(next), fields);
    yield* items;
    const last = items.at(-1);
    if (isLast || last === undefined) return;
    next = last.uid + 1;
  }
}

/** All items of a folder that nothing comes into while it is read, in any order; UID 0 where an item has none. @throws as EwsClient.askOne */
export async function* findAllItems(
  client: EwsClient,
  folderId: string,
  fields: readonly Field[],
): AsyncGenerator<FoundItem, void, undefined> {
  for (let offset = 0; ; ) {
    const { rows, isLast } = await askPage(client, folderId, null, fields, offset);
    for (const element of rows) {
      const itemId = find(element, 'ItemId')?.getAttribute('Id') ?? null;
      if (itemId !== null) yield { itemId, uid: numberOf(element, FIELDS.uid) ?? 0, element };
    }
    offset += rows.length;
    if (isLast || rows.length === 0) return;
  }
}

async function readPage(client: EwsClient, folderId: string, condition: string, fields: readonly Field[]) {
  const { rows, isLast } = await askPage(client, folderId, condition, fields, 0);
  const items = rows.flatMap((element): readonly FoundItem[] => {
    const itemId = find(element, 'ItemId')?.getAttribute('Id') ?? null;
    const uid = numberOf(element, FIELDS.uid);
    return itemId === null || uid === null ? [] : [{ itemId, uid, element }];
  });
  return { items: items.toSorted((a, b) => a.uid - b.uid), isLast };
}

async function askPage(
  client: EwsClient,
  folderId: string,
  condition: string | null,
  fields: readonly Field[],
  offset: number,
) {
  const shape = xml('m:ItemShape', {}, xml('t:BaseShape', {}, 'IdOnly'), additional([FIELDS.uid, ...fields]));
  const view = xml('m:IndexedPageItemView', { MaxEntriesReturned: PAGE, Offset: offset, BasePoint: 'Beginning' });
  const order = xml('m:SortOrder', {}, xml('t:FieldOrder', { Order: 'Ascending' }, FIELDS.uid.path));
  const parents = xml('m:ParentFolderIds', {}, xml('t:FolderId', { Id: folderId }));
  const restriction = condition === null ? [] : [xml('m:Restriction', {}, condition)];
  const answer = await client.askOne({
    operation: 'FindItem',
    effect: false,
    facts: { folder: folderId },
    body: xml('m:FindItem', { Traversal: 'Shallow' }, shape, view, ...restriction, order, parents),
  });
  const root = find(answer, 'RootFolder');
  const items = root && find(root, 'Items');
  return {
    rows: items === null ? [] : childElements(items),
    isLast: root?.getAttribute('IncludesLastItemInRange') !== 'false',
  };
}

/** UIDs from `fromUid` on, below `beforeUid`. */
export function uidRange(fromUid: number, beforeUid = Number.POSITIVE_INFINITY): string {
  const from = compare('IsGreaterThanOrEqualTo', FIELDS.uid, fromUid);
  return Number.isFinite(beforeUid) ? all([from, compare('IsLessThan', FIELDS.uid, beforeUid)]) : from;
}

/**
 * Conditions that together cover `uids`, in ascending order. Where they lie close together, as those of one copy do, one range covers
 * many; it may find others, too.
 */
export function* uidConditions(
  uids: readonly number[],
): Generator<{ readonly fromUid: number; readonly toUid: number }> {
  const sorted = [...new Set(uids)].toSorted((a, b) => a - b);
  for (let at = 0; at < sorted.length; ) {
    const first = sorted[at] ?? 0;
    let last = first;
    // A hole costs a row of the answer; a request more costs more than a page of them.
    while (at < sorted.length && (sorted[at] ?? 0) < first + PAGE) {
      last = sorted[at] ?? last;
      at += 1;
    }
    yield { fromUid: first, toUid: last };
  }
}

/** Items whose `field` has one of `values`, in as many requests as they need. */
export async function* findByValue(
  client: EwsClient,
  folderId: string,
  field: Field,
  values: readonly string[],
): AsyncGenerator<FoundItem, void, undefined> {
  for (let at = 0; at < values.length; at += MOST_CONDITIONS) {
    const any = anyOf(values.slice(at, at + MOST_CONDITIONS).map((value) => compare('IsEqualTo', field, value)));
    yield* findItems(client, folderId, (fromUid) => (fromUid === 1 ? any : all([any, uidRange(fromUid)])), [field]);
  }
}

function compare(
  how: 'IsEqualTo' | 'IsGreaterThanOrEqualTo' | 'IsLessThan',
  { path }: Field,
  value: string | number,
): string {
  const constant = xml('t:FieldURIOrConstant', {}, xml('t:Constant', { Value: value }));
  return xml(`t:${how}`, {}, path, constant);
}

function all(conditions: readonly string[]): string {
  return conditions.length === 1 ? (conditions[0] ?? '') : xml('t:And', {}, ...conditions);
}

function anyOf(conditions: readonly string[]): string {
  return conditions.length === 1 ? (conditions[0] ?? '') : xml('t:Or', {}, ...conditions);
}
