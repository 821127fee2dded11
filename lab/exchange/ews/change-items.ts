import type { Element } from '@xmldom/xmldom';
import { type PlacedMessage, PROPERTY } from '../mail/message-properties.ts';
import { extendedProperties } from './create-item.ts';
import { itemIdXml } from './item-fields.ts';
import type { EwsMailbox } from './mailbox.ts';
import { type PropertyPath, propertyPath } from './property-path.ts';
import { EwsError, schemaFault } from './refusal.ts';
import type { EwsRequest, Part } from './request.ts';
import { childrenByName, oneOf } from './schema.ts';
import { childElements, textOf, xml } from './xml.ts';

/**
 * UpdateItem: each part takes all of its changes or none. With `NeverOverwrite` and `AutoResolve` a change key that is not the
 * item's is refused where one is given (ewsdocs, `updateitem-operation.md`).
 */
export function updateItem({ element, mailbox, receipts }: EwsRequest): Part[] {
  const children = childrenByName(element, 'UpdateItem');
  const resolution = oneOf(element, 'ConflictResolution', ['NeverOverwrite', 'AutoResolve', 'AlwaysOverwrite']);
  const disposition = element.getAttribute('MessageDisposition');
  return childElements(children.get('ItemChanges')?.[0] ?? element).map((change) => {
    const parts = childrenByName(change, 'ItemChange');
    const id = parts.get('ItemId')?.[0];
    const updates = childElements(parts.get('Updates')?.[0] ?? change).map(readUpdate);
    return () => {
      if (disposition === null) throw new EwsError('ErrorMessageDispositionRequired');
      const place = mailbox.messageBy(id?.getAttribute('Id') ?? '');
      const item = mailbox.items.of(place.message);
      const changeKey = id?.getAttribute('ChangeKey') ?? null;
      if (resolution === 'NeverOverwrite' && changeKey === null) throw new EwsError('ErrorChangeKeyRequired');
      if (resolution !== 'AlwaysOverwrite' && changeKey !== null && changeKey !== item.changeKey) {
        throw new EwsError('ErrorIrresolvableConflict');
      }
      if (suppressesReceipts(element)) receipts.suppress(place.message);
      const effects = updates.map((update) => update(place, mailbox));
      for (const effect of effects) effect();
      item.changeKey = mailbox.items.nextChangeKey();
      return xml('m:Items', {}, xml('t:Message', {}, itemIdXml(item)));
    };
  });
}

/** DeleteItem. Only a hard deletion is for good; the two others move to Deleted Items here (soft-deleted items are not modelled). */
export function deleteItem({ element, mailbox, receipts }: EwsRequest): Part[] {
  const children = childrenByName(element, 'DeleteItem');
  const type = oneOf(element, 'DeleteType', ['HardDelete', 'SoftDelete', 'MoveToDeletedItems']);
  return childElements(children.get('ItemIds')?.[0] ?? element).map((id) => () => {
    const { folder, message } = mailbox.messageBy(id.getAttribute('Id') ?? '');
    if (type !== 'HardDelete') {
      const { raw, flags, internalDate, id: messageId } = message;
      mailbox.byRole('trash').append({ raw, flags, internalDate, id: messageId });
    }
    if (suppressesReceipts(element)) receipts.suppress(message);
    receipts.noteDeletion(message);
    folder.expunge([message.uid]);
    return '';
  });
}

/** UpdateItemType and DeleteItemType, from Exchange2013_SP1 on. */
function suppressesReceipts(element: Element): boolean {
  return element.getAttribute('SuppressReadReceipts') === 'true';
}

/** Checks first and gives back what to do, so that a refused change changes nothing. @throws EwsError */
type Update = (place: PlacedMessage, mailbox: EwsMailbox) => () => void;

function readUpdate(element: Element): Update {
  const [uri, holder] = childElements(element);
  if (uri === undefined) throw schemaFault(`The element '${element.localName}' has incomplete content.`);
  const path = propertyPath(uri);
  switch (element.localName) {
    case 'DeleteItemField':
      return (place, mailbox) => changeOf(path, null, place, mailbox);
    case 'SetItemField': {
      if (holder?.localName !== 'Message') throw schemaFault("The element 'SetItemField' takes a path and a message.");
      const fields = childrenByName(holder, 'Message');
      const [only, ...more] = [...fields.values()].flat();
      return (place, mailbox) => {
        if (only === undefined || more.length > 0) throw new EwsError('ErrorIncorrectUpdatePropertyCount');
        return changeOf(path, only, place, mailbox);
      };
    }
    default:
      throw schemaFault(`The element '${element.localName}' is no change that a message takes.`);
  }
}

function changeOf(path: PropertyPath, value: Element | null, place: PlacedMessage, mailbox: EwsMailbox): () => void {
  if (path.kind === 'field') return fieldChange(path.uri, value, place, mailbox);
  if (value === null) return () => setProperty(path.id, null, place, mailbox);
  const text = extendedProperties([value]).get(path.id);
  if (text === undefined) throw new EwsError('ErrorUpdatePropertyMismatch');
  if (path.id === PROPERTY.articleNumber || path.id === PROPERTY.size) throw new EwsError('ErrorInvalidPropertySet');
  return () => setProperty(path.id, text, place, mailbox);
}

function fieldChange(uri: string, value: Element | null, place: PlacedMessage, mailbox: EwsMailbox): () => void {
  const item = mailbox.items.of(place.message);
  if (value !== null && !uri.endsWith(`:${value.localName}`)) throw new EwsError('ErrorUpdatePropertyMismatch');
  switch (uri) {
    case 'message:IsRead':
      if (value === null) throw new EwsError('ErrorInvalidPropertyDelete');
      return () => setFlag(place, '\\Seen', textOf(value) === 'true');
    case 'item:Categories':
      return () =>
        item.categories.splice(
          0,
          Number.POSITIVE_INFINITY,
          ...(value === null ? [] : childElements(value).map(textOf)),
        );
    case 'item:Importance': {
      const importance = (['low', 'normal', 'high'] as const).find((each) => each === textOf(value).toLowerCase());
      return () => {
        item.importance = importance ?? 'normal';
      };
    }
    case 'item:Flag': {
      const status = value === null ? '' : textOf(value).trim();
      return () => {
        item.flagIsHidden = false;
        setFlag(place, '\\Flagged', status === 'Flagged');
      };
    }
    default:
      throw new EwsError('ErrorInvalidPropertySet');
  }
}

function setProperty(id: string, value: string | null, place: PlacedMessage, mailbox: EwsMailbox): void {
  const item = mailbox.items.of(place.message);
  const { properties } = item;
  // Read-only after the first save: nothing un-drafts an item (exchange.md §1.2). The call succeeds all the same.
  if (id === PROPERTY.messageFlags) return;
  if (id === PROPERTY.receivedAt && value !== null) {
    place.folder.setDate(place.message.uid, new Date(value));
    return;
  }
  if (value === null) properties.delete(id);
  else properties.set(id, value);
  if (id === PROPERTY.flagStatus) item.flagIsHidden = false;
  if (id === PROPERTY.flagStatus) setFlag(place, '\\Flagged', value === '2');
  if (id === PROPERTY.lastVerb) setFlag(place, '\\Answered', value === '102' || value === '103');
  if (id === PROPERTY.imapDeleted) setFlag(place, '\\Deleted', value === '1');
}

/** Reads the message anew: several changes may come in one call. */
function setFlag({ folder, message }: PlacedMessage, flag: string, on: boolean): void {
  const flags = new Set(folder.find(message.uid)?.flags ?? []);
  if (on) flags.add(flag);
  else flags.delete(flag);
  folder.setFlags(message.uid, flags);
}
