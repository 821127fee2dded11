/** Operations of EWS as XML, for suites that look at the simulator itself. Prefixes as EwsClient declares them. */

export const KEY_SET = 'd1c2a6f0-7b1e-4f43-9a3c-6d61696c6672';
export const RAW = Buffer.from(
  'From: a@example.test\r\nTo: b@example.test\r\nSubject: Grüße\r\nDate: Sat, 01 Mar 2014 10:11:10 +0000\r\nMessage-ID: <1@example.test>\r\n\r\nHello\r\n',
);

export const KEY_URI = `<t:ExtendedFieldURI PropertySetId="${KEY_SET}" PropertyName="mailferry-key" PropertyType="String"/>`;

export function tagUri(propertyTag: string, type: string): string {
  return `<t:ExtendedFieldURI PropertyTag="${propertyTag}" PropertyType="${type}"/>`;
}

export function tag(propertyTag: string, type: string, value: string): string {
  return `<t:ExtendedProperty>${tagUri(propertyTag, type)}<t:Value>${value}</t:Value></t:ExtendedProperty>`;
}

export function key(value: string): string {
  return `<t:ExtendedProperty>${KEY_URI}<t:Value>${value}</t:Value></t:ExtendedProperty>`;
}

export function compared(how: string, uri: string, value: string): string {
  return `<t:${how}>${uri}<t:FieldURIOrConstant><t:Constant Value="${value}"/></t:FieldURIOrConstant></t:${how}>`;
}

export function equal(uri: string, value: string): string {
  return compared('IsEqualTo', uri, value);
}

export function page(size: number, offset: number): string {
  return `<m:IndexedPageItemView MaxEntriesReturned="${size}" Offset="${offset}" BasePoint="Beginning"/>`;
}

export interface NewItem {
  readonly disposition?: string | null;
  readonly folder?: string;
  readonly mime?: string;
  readonly properties?: readonly string[];
  readonly categories?: readonly string[];
  readonly extra?: string;
}

export function createItem(item: NewItem): string {
  const {
    disposition = 'SaveOnly',
    folder = '<t:DistinguishedFolderId Id="inbox"/>',
    mime = RAW.toString('base64'),
  } = item;
  const categories = (item.categories ?? []).map((each) => `<t:String>${each}</t:String>`).join('');
  return `<m:CreateItem${disposition === null ? '' : ` MessageDisposition="${disposition}"`}><m:SavedItemFolderId>${folder}</m:SavedItemFolderId><m:Items><t:Message><t:MimeContent CharacterSet="UTF-8">${mime}</t:MimeContent>${categories && `<t:Categories>${categories}</t:Categories>`}${item.properties?.join('') ?? ''}${item.extra ?? ''}</t:Message></m:Items></m:CreateItem>`;
}

export function getItems(ids: readonly string[], properties: readonly string[] = []): string {
  const additional = `<t:AdditionalProperties><t:FieldURI FieldURI="item:IsDraft"/>${properties.join('')}</t:AdditionalProperties>`;
  return `<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:IncludeMimeContent>true</t:IncludeMimeContent>${additional}</m:ItemShape><m:ItemIds>${ids.map((id) => `<t:ItemId Id="${id}"/>`).join('')}</m:ItemIds></m:GetItem>`;
}

export interface Search {
  readonly folder?: string;
  readonly restriction?: string;
  readonly properties?: readonly string[];
  readonly view?: string;
  readonly order?: boolean;
}

export function findItems(search: Search): string {
  const { folder = '<t:DistinguishedFolderId Id="inbox"/>', restriction, properties, view = '' } = search;
  const additional = properties && `<t:AdditionalProperties>${properties.join('')}</t:AdditionalProperties>`;
  const order = search.order
    ? `<m:SortOrder><t:FieldOrder Order="Ascending">${tagUri('0x0E23', 'Integer')}</t:FieldOrder></m:SortOrder>`
    : '';
  return `<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>${additional ?? ''}</m:ItemShape>${view}${restriction ? `<m:Restriction>${restriction}</m:Restriction>` : ''}${order}<m:ParentFolderIds>${folder}</m:ParentFolderIds></m:FindItem>`;
}

export function updateItem(id: string, changes: string, resolution = 'AlwaysOverwrite', changeKey?: string): string {
  const itemId = `<t:ItemId Id="${id}"${changeKey === undefined ? '' : ` ChangeKey="${changeKey}"`}/>`;
  return `<m:UpdateItem MessageDisposition="SaveOnly" ConflictResolution="${resolution}"><m:ItemChanges><t:ItemChange>${itemId}<t:Updates>${changes}</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>`;
}

export function deleteItem(id: string, type = 'HardDelete'): string {
  return `<m:DeleteItem DeleteType="${type}"><m:ItemIds><t:ItemId Id="${id}"/></m:ItemIds></m:DeleteItem>`;
}

export function createFolder(name: string, properties = ''): string {
  return `<m:CreateFolder><m:ParentFolderId><t:DistinguishedFolderId Id="msgfolderroot"/></m:ParentFolderId><m:Folders><t:Folder><t:DisplayName>${name}</t:DisplayName>${properties}</t:Folder></m:Folders></m:CreateFolder>`;
}

export function findFolders(traversal: string, view = ''): string {
  return `<m:FindFolder Traversal="${traversal}"><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape>${view}<m:ParentFolderIds><t:DistinguishedFolderId Id="msgfolderroot"/></m:ParentFolderIds></m:FindFolder>`;
}
