import type { Element } from '@xmldom/xmldom';
import type { PlacedMessage } from '../mail/message-properties.ts';
import { comparableOf, messageXml } from './item-fields.ts';
import { propertyPath } from './property-path.ts';
import { EwsError, schemaFault } from './refusal.ts';
import type { EwsRequest, Part } from './request.ts';
import { compare, restrictionOf } from './restriction.ts';
import { childrenByName, oneOf } from './schema.ts';
import { shapeOf } from './shape.ts';
import { childElements, xml } from './xml.ts';

/** GetItem: one response message for each id, in order. */
export function getItem({ element, mailbox }: EwsRequest): Part[] {
  const children = childrenByName(element, 'GetItem');
  const shape = shapeOf(children.get('ItemShape')?.[0], 'ItemShape');
  return childElements(children.get('ItemIds')?.[0] ?? element).map((id) => () => {
    const own = mailbox.at(id);
    return xml('m:Items', {}, messageXml(own.messageBy(id.getAttribute('Id') ?? ''), own, shape));
  });
}

/**
 * FindItem: one response message for each folder. No page is longer than the policy allows, which `IncludesLastItemInRange` then tells
 * (exchange.md §4.2). What was written a moment ago may not be there yet (exchange.md §9.4).
 */
export function findItem(request: EwsRequest): Part[] {
  const { element, settings, nowMs } = request;
  const children = childrenByName(element, 'FindItem');
  const shape = shapeOf(children.get('ItemShape')?.[0], 'ItemShape');
  const matches = restrictionOf(children.get('Restriction')?.[0]);
  const ordered = orderOf(children.get('SortOrder')?.[0], request);
  const pageOf = pager<PlacedMessage>(children.get('IndexedPageItemView')?.[0], settings.maxRows);
  // FindItem gives summaries only (ewsdocs, `finditem-operation.md`).
  const needsGetItem = ['item:MimeContent', 'item:InternetMessageHeaders', 'item:Body'];
  const asksTooMuch =
    shape.withMime || shape.additional.some((path) => path.kind === 'field' && needsGetItem.includes(path.uri));
  return childElements(children.get('ParentFolderIds')?.[0] ?? element).map((id) => () => {
    const mailbox = request.mailbox.at(id);
    const folder = mailbox.folderBy(id);
    if (asksTooMuch) throw new EwsError('ErrorInvalidPropertyRequest');
    const messages = folder === 'root' || element.getAttribute('Traversal') !== 'Shallow' ? [] : folder.messages;
    const found = messages
      .map((message) => ({ folder, message }) as PlacedMessage)
      .filter((place) => mailbox.items.of(place.message).visibleAtMs <= nowMs)
      .filter((place) => matches((path) => comparableOf(path, place, mailbox)));
    const { rows, attributes } = pageOf(ordered(found));
    const items = xml('t:Items', {}, ...rows.map((place) => messageXml(place, mailbox, shape)));
    return xml('m:RootFolder', attributes, items);
  });
}

/** Newest first where nothing is asked (recalled). */
function orderOf(
  element: Element | undefined,
  { mailbox }: EwsRequest,
): (places: readonly PlacedMessage[]) => readonly PlacedMessage[] {
  if (element === undefined) return (places) => places.toReversed();
  const keys = childElements(element).map((field) => {
    const [uri] = childElements(field);
    if (uri === undefined) throw schemaFault("The element 'FieldOrder' has incomplete content.");
    return {
      path: propertyPath(uri),
      sign: oneOf(field, 'Order', ['Ascending', 'Descending']) === 'Ascending' ? 1 : -1,
    };
  });
  return (places) =>
    places.toSorted((one, other) => {
      for (const { path, sign } of keys) {
        const [left, right] = [comparableOf(path, one, mailbox), comparableOf(path, other, mailbox)];
        const order =
          left === null || right === null ? Number(left !== null) - Number(right !== null) : compare(left, right, path);
        if (order !== 0) return sign * order;
      }
      return 0;
    });
}

/** `IndexedPageItemView`, `IndexedPageFolderView`. */
export function pager<Row>(
  element: Element | undefined,
  maxRows: number,
): (rows: readonly Row[]) => { rows: readonly Row[]; attributes: Record<string, string | number | boolean> } {
  const numberIn = (name: string, least: number) => {
    const text = element?.getAttribute(name) ?? '';
    if (!/^\d+$/.test(text) || Number(text) < least)
      throw schemaFault(`The '${name}' attribute is missing or invalid.`);
    return Number(text);
  };
  const paged = element !== undefined;
  const offset = paged ? numberIn('Offset', 0) : 0;
  const fromEnd = paged && oneOf(element, 'BasePoint', ['Beginning', 'End']) === 'End';
  const asked = element?.getAttribute('MaxEntriesReturned') == null ? maxRows : numberIn('MaxEntriesReturned', 1);
  return (all) => {
    const size = Math.min(asked, maxRows);
    const from = fromEnd ? Math.max(0, all.length - offset - size) : offset;
    const to = fromEnd ? Math.max(0, all.length - offset) : offset + size;
    const isLast = fromEnd ? from === 0 : to >= all.length;
    const attributes = {
      ...(paged && { IndexedPagingOffset: fromEnd ? offset + size : Math.min(to, all.length) }),
      TotalItemsInView: all.length,
      IncludesLastItemInRange: isLast,
    };
    return { rows: all.slice(from, to), attributes };
  };
}
