/** The simulator's EWS refuses and keeps what facts say of Exchange Server: one test for each, with its section. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { canonicalFingerprintOf } from '../../domain/canonical-fingerprint.ts';
import { busyFault, busyMessage } from '../../lab/exchange/ews/busy.ts';
import { EwsSettings } from '../../lab/exchange/ews/settings.ts';
import type { HostedTenant } from '../../lab/exchange/tenant.ts';
import type { Account } from '../../lab/imap/store.ts';
import { basic, type EwsAnswer, EwsClient } from '../support/ews-client.ts';
import {
  compared,
  createFolder,
  createItem,
  deleteItem,
  equal,
  findFolders,
  findItems,
  getItems,
  KEY_SET,
  KEY_URI,
  key,
  page,
  RAW,
  tag,
  tagUri,
  updateItem,
} from '../support/ews-requests.ts';
import { startTenant, type TenantClient } from '../support/tenant-client.ts';

const SERVICE = 'migration@harbour.test';

let http: TenantClient;
let tenant: HostedTenant;
let nowMs = Date.parse('2026-10-01T12:00:00Z');
let anna: Account;
let client: EwsClient;
let people = 0;

beforeAll(async () => {
  http = await startTenant([], { now: () => nowMs });
  tenant = http.tenant;
});
afterAll(() => http.close());

beforeEach(() => {
  people += 1;
  const address = `anna${people}@harbour.test`;
  anna = tenant.addMailbox(address);
  anna.password = 'own-secret';
  Object.assign(tenant.ews, new EwsSettings());
  tenant.ews.serviceAccounts.set(SERVICE, { password: 'secret', mayImpersonate: true });
  tenant.fault = null;
  client = new EwsClient(tenant.baseUrl, { authorization: basic(SERVICE, 'secret'), impersonate: address });
});

describe('signing in', () => {
  const ask =
    '<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id="inbox"/></m:FolderIds></m:GetFolder>';

  test('§4.2: a service account opens another mailbox by impersonation, by its password or as an application', async () => {
    expect((await client.call(ask)).codes).toEqual(['NoError']);
    expect((await client.call(ask, { authorization: `Bearer ${await applicationToken()}` })).codes).toEqual([
      'NoError',
    ]);
  });

  test('§4.2: without the role ApplicationImpersonation it may not', async () => {
    tenant.ews.serviceAccounts.set(SERVICE, { password: 'secret', mayImpersonate: false });
    const answer = await client.call(ask);
    expect([answer.status, answer.codes]).toEqual([500, ['ErrorImpersonateUserDenied']]);
  });

  test('§4.2: a mailbox that is not there', async () => {
    const answer = await client.call(ask, { impersonate: 'nobody@harbour.test' });
    expect([answer.status, answer.codes]).toEqual([500, ['ErrorNonExistentMailbox']]);
  });

  test('§4.2: a wrong password, no password and an unknown token are 401, and it says what would do', async () => {
    for (const authorization of [basic(SERVICE, 'wrong'), basic('nobody@harbour.test', ''), 'Bearer nothing', '']) {
      const answer = await client.call(ask, { authorization });
      expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, expect.stringContaining('Basic')]);
    }
  });

  test('a token for Graph opens nothing here, and one without full_access_as_app neither', async () => {
    expect((await client.call(ask, { authorization: `Bearer ${http.token}` })).status).toBe(401);
    tenant.access.register({ clientId: 'poor', secrets: ['s'], roles: ['IMAP.AccessAsApp'] });
    const form = { client_id: 'poor', client_secret: 's', scope: 'https://outlook.office365.com/.default' };
    expect((await client.call(ask, { authorization: `Bearer ${await http.getToken(form)}` })).status).toBe(403);
  });

  test('recalled: an application has no mailbox of its own', async () => {
    const bare = new EwsClient(tenant.baseUrl, { authorization: `Bearer ${await applicationToken()}` });
    expect((await bare.call(ask)).codes).toEqual(['ErrorImpersonationRequired']);
  });

  test('§4.1: EWS that is off for the tenant answers 403, or ErrorAccessDenied', async () => {
    tenant.ews.off = 'forbidden';
    expect((await client.call(ask)).status).toBe(403);
    tenant.ews.off = 'access-denied';
    expect((await client.call(ask)).codes).toEqual(['ErrorAccessDenied']);
  });

  test('§4.1: with a list of applications, only those on it may call', async () => {
    const authorization = `Bearer ${await applicationToken()}`;
    tenant.ews.allowedAppIds = ['another'];
    expect((await client.call(ask, { authorization })).status).toBe(403);
    tenant.ews.allowedAppIds = [tenant.clientId];
    expect((await client.call(ask, { authorization })).codes).toEqual(['NoError']);
  });

  test('a version that it does not know is refused', async () => {
    expect((await client.call(ask, { version: 'Exchange2031' })).codes).toEqual(['ErrorInvalidServerVersion']);
  });
});

describe('writing a message', () => {
  test('§4.2: MIME, flags, date, verb, categories and a key go in by one call, and all fronts see them', async () => {
    const written = await create({
      properties: [
        tag('0x0E07', 'Integer', '1'),
        tag('0x0E06', 'SystemTime', '2014-03-01T10:11:12Z'),
        tag('0x0039', 'SystemTime', '2014-03-01T10:11:10Z'),
        tag('0x1081', 'Integer', '102'),
        tag('0x1080', 'Integer', '261'),
        tag('0x1090', 'Integer', '2'),
        key('abc'),
      ],
      categories: ['Kunden'],
    });
    expect(written.codes).toEqual(['NoError']);
    const [message] = anna.inbox.messages;
    expect(message?.raw).toEqual(RAW);
    expect([...(message?.flags ?? [])].toSorted()).toEqual(['\\Answered', '\\Flagged', '\\Seen']);
    expect(message?.internalDate.toISOString()).toBe('2014-03-01T10:11:12.000Z');
    const item = message && tenant.items.of(message);
    expect(item).toMatchObject({ isDraft: false, categories: ['Kunden'], id: written.attribute('ItemId', 'Id') });
    expect(item?.properties.get(`String {${KEY_SET}} Name mailferry-key`)).toBe('abc');
    const read = await get(
      [written.attribute('ItemId', 'Id') ?? ''],
      [tagUri('0x0E07', 'Integer'), tagUri('0x0E23', 'Integer'), KEY_URI],
    );
    expect(read.all('Value')).toEqual(['1', '1', 'abc']);
    expect(read.all('IsDraft')).toEqual(['false']);
    expect(Buffer.from(read.all('MimeContent')[0] ?? '', 'base64')).toEqual(RAW);
  });

  test('§1.2: without 0x0E07 in the create call it is a draft, and no update makes it another', async () => {
    const id = (await create({})).attribute('ItemId', 'Id') ?? '';
    expect((await get([id])).all('IsDraft')).toEqual(['true']);
    for (const change of [
      `<t:SetItemField>${tagUri('0x0E07', 'Integer')}<t:Message>${tag('0x0E07', 'Integer', '1')}</t:Message></t:SetItemField>`,
      `<t:DeleteItemField>${tagUri('0x0E07', 'Integer')}</t:DeleteItemField>`,
    ]) {
      expect((await update(id, change)).codes).toEqual(['NoError']);
      expect((await get([id])).all('IsDraft')).toEqual(['true']);
    }
    expect(anna.inbox.messages[0]?.flags.has('\\Draft')).toBe(true);
  });

  test('§1.2: 0x0E07 = 8 makes a draft on purpose, 0 an unread message', async () => {
    await create({ properties: [tag('0x0E07', 'Integer', '8')] });
    await create({ properties: [tag('0x0E07', 'Integer', '0')] });
    expect(anna.inbox.messages.map(({ flags }) => [...flags])).toEqual([['\\Draft'], []]);
  });

  test('§9.1: MIME is kept byte for byte, unless the server encodes parts anew: then the content is the same', async () => {
    tenant.ews.reEncodes = true;
    const id = (await create({})).attribute('ItemId', 'Id') ?? '';
    const read = Buffer.from((await get([id])).all('MimeContent')[0] ?? '', 'base64');
    expect(read).not.toEqual(RAW);
    expect(canonicalFingerprintOf(read)).toBe(canonicalFingerprintOf(RAW));
  });

  test('§5.3: mail that wants a receipt sends one when it is read here, too, unless SuppressReadReceipts is said (T70)', async () => {
    const wants = Buffer.concat([Buffer.from('Disposition-Notification-To: c@example.test\r\n'), RAW]);
    const properties = [tag('0x0E07', 'Integer', '0')];
    const before = tenant.outgoing.count;
    const quiet = await create({ mime: wants.toString('base64'), properties });
    await remove(quiet.attribute('ItemId', 'Id') ?? '', 'HardDelete" SuppressReadReceipts="true');
    expect(tenant.outgoing.count).toBe(before);
    const written = await create({ mime: wants.toString('base64'), properties });
    const read =
      '<t:SetItemField><t:FieldURI FieldURI="message:IsRead"/><t:Message><t:IsRead>true</t:IsRead></t:Message></t:SetItemField>';
    await update(written.attribute('ItemId', 'Id') ?? '', read);
    expect(tenant.outgoing.list.slice(before)).toEqual([{ from: '', to: 'c@example.test', why: 'read receipt' }]);
  });

  test('T70: what is sent by SendOnly or SendAndSaveCopy is counted, what is saved only is not', async () => {
    const before = tenant.outgoing.count;
    await create({});
    expect(tenant.outgoing.count).toBe(before);
    await create({ disposition: 'SendOnly' });
    await create({ disposition: 'SendAndSaveCopy' });
    expect(tenant.outgoing.list.slice(before).map(({ why, to }) => [why, to])).toEqual([
      ['sent by a client', 'b@example.test'],
      ['sent by a client', 'b@example.test'],
    ]);
    expect(anna.inbox.messages.length).toBe(2);
  });

  test('a disposition has to be told', async () => {
    expect((await create({ disposition: null })).codes).toEqual(['ErrorMessageDispositionRequired']);
  });

  test('§4.2: a message over the limit, a full mailbox, and what is no MIME are refused each by its code', async () => {
    expect((await create({ mime: 'not base64!' })).codes).toEqual(['ErrorMimeContentInvalidBase64String']);
    expect((await create({ mime: Buffer.from('no header at all').toString('base64') })).codes).toEqual([
      'ErrorMimeContentInvalid',
    ]);
    tenant.ews.quotaBytes = RAW.length;
    await create({});
    expect((await create({})).codes).toEqual(['ErrorQuotaExceeded']);
    tenant.ews.maxMessageBytes = 10;
    expect((await create({})).codes).toEqual(['ErrorMessageSizeExceeded']);
    expect(anna.inbox.messages.length).toBe(1);
  });

  test('§4.2: the server takes 64 MB in one request by default, and a longer one never reaches EWS', async () => {
    expect(new EwsSettings().maxRequestBytes).toBe(64 * 1024 * 1024);
    tenant.ews.maxRequestBytes = 500;
    const answer = await create({});
    expect([answer.status, answer.codes, anna.inbox.messages.length]).toEqual([413, [], 0]);
  });

  test('a value that is not of its type, and a property named in two ways, are refused', async () => {
    expect((await create({ properties: [tag('0x0E07', 'Integer', 'one')] })).codes).toEqual([
      'ErrorInvalidExtendedPropertyValue',
    ]);
    const both = `<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x0E07" PropertySetId="${KEY_SET}" PropertyType="Integer"/><t:Value>1</t:Value></t:ExtendedProperty>`;
    expect((await create({ properties: [both] })).codes).toEqual(['ErrorInvalidExtendedProperty']);
    expect((await create({ properties: [tag('0x8001', 'String', 'x')] })).codes).toEqual([
      'ErrorInvalidExtendedProperty',
    ]);
  });

  test('what the server alone sets is refused', async () => {
    expect((await create({ extra: '<t:IsDraft>false</t:IsDraft>' })).codes).toEqual(['ErrorInvalidPropertySet']);
  });

  test('§9.4: a create may take effect and be answered as busy all the same', async () => {
    let injected = 0;
    tenant.fault = ({ name }) => {
      if (name !== 'CreateItem') return null;
      injected += 1;
      return { ...busyFault(500), afterEffect: true };
    };
    expect((await create({})).codes).toEqual(['ErrorServerBusy']);
    expect([injected, anna.inbox.messages.length]).toEqual([1, 1]);
  });
});

describe('schema', () => {
  test.each([
    ['elements out of order', () => create({ extra: '<t:IsRead>true</t:IsRead><t:Importance>High</t:Importance>' })],
    ['an unknown element', () => create({ extra: '<t:Colour>red</t:Colour>' })],
    ['a missing attribute', () => client.call('<m:DeleteItem><m:ItemIds/></m:DeleteItem>')],
    [
      'a missing element',
      () =>
        client.call(
          '<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape></m:FindItem>',
        ),
    ],
    ['an unknown folder name', () => find({ folder: '<t:DistinguishedFolderId Id="spam"/>' })],
    ['an operation that is none', () => client.call('<m:Migrate/>')],
    ['text that is no XML', () => client.send('<s:Envelope')],
    ['a document type', () => client.send('<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>')],
  ])('%s fails the whole request as a SOAP fault', async (_, ask) => {
    const answer: EwsAnswer = await ask();
    expect([answer.status, answer.codes]).toEqual([500, ['ErrorSchemaValidation']]);
    expect(answer.all('faultcode')).toEqual(['a:ErrorSchemaValidation']);
    expect(answer.all('Violation')[0]).not.toBe('');
  });
});

describe('finding messages', () => {
  test('§9.4: by key, whose value is compared without regard to case (§3), and by UID', async () => {
    for (const value of ['aaa', 'bbb', 'ccc'])
      await create({ properties: [tag('0x0E07', 'Integer', '0'), key(value)] });
    const byKey = await find({
      restriction: `<t:Or>${equal(KEY_URI, 'AAA')}${equal(KEY_URI, 'ccc')}${equal(KEY_URI, 'zzz')}</t:Or>`,
      properties: [KEY_URI, tagUri('0x0E23', 'Integer')],
    });
    expect(byKey.all('Value').toSorted()).toEqual(['1', '3', 'aaa', 'ccc']);
    const range = `<t:And>${compared('IsGreaterThanOrEqualTo', tagUri('0x0E23', 'Integer'), '2')}${compared('IsLessThan', tagUri('0x0E23', 'Integer'), '3')}</t:And>`;
    expect((await find({ restriction: range, properties: [tagUri('0x0E23', 'Integer')] })).all('Value')).toEqual(['2']);
    const numbers = compared('IsLessThan', tagUri('0x0E23', 'Integer'), '10');
    expect((await find({ restriction: numbers })).attribute('RootFolder', 'TotalItemsInView')).toBe('3');
  });

  test('what has no such property is not found by Exists', async () => {
    await create({});
    await create({ properties: [key('abc')] });
    const found = await find({ restriction: `<t:Exists>${KEY_URI}</t:Exists>`, properties: [KEY_URI] });
    expect(found.all('Value')).toEqual(['abc']);
  });

  test('`Name` of a property is case-sensitive (§3)', async () => {
    await create({ properties: [key('abc')] });
    const other = KEY_URI.replace('mailferry-key', 'Mailferry-Key');
    expect((await find({ restriction: equal(other, 'abc') })).attribute('RootFolder', 'TotalItemsInView')).toBe('0');
  });

  test('§4.2: no page is longer than 1,000 rows, and the answer tells that more is there', async () => {
    for (let at = 0; at < 1_003; at += 1) anna.inbox.append({ raw: RAW });
    const first = await find({ view: page(5_000, 0), order: true, properties: [tagUri('0x0E23', 'Integer')] });
    expect(first.all('Value').length).toBe(1_000);
    expect(first.attribute('RootFolder', 'IncludesLastItemInRange')).toBe('false');
    expect(first.attribute('RootFolder', 'IndexedPagingOffset')).toBe('1000');
    const second = await find({ view: page(5_000, 1_000), order: true, properties: [tagUri('0x0E23', 'Integer')] });
    expect(second.all('Value')).toEqual(['1001', '1002', '1003']);
    expect(second.attribute('RootFolder', 'IncludesLastItemInRange')).toBe('true');
    expect((await find({})).attribute('RootFolder', 'IncludesLastItemInRange')).toBe('false');
  });

  test('§9.4: FindItem does not see a message before its time, GetItem does', async () => {
    tenant.ews.visibleAfterMs = 5_000;
    const id = (await create({ properties: [key('abc')] })).attribute('ItemId', 'Id') ?? '';
    const found = async () =>
      (await find({ restriction: equal(KEY_URI, 'abc') })).attribute('RootFolder', 'TotalItemsInView');
    expect(await found()).toBe('0');
    expect((await get([id])).codes).toEqual(['NoError']);
    nowMs += 5_000;
    expect(await found()).toBe('1');
  });

  test('documented: a restriction of more than 255 nodes is too long', async () => {
    const terms = (count: number) => `<t:Or>${equal(KEY_URI, 'x').repeat(count)}</t:Or>`;
    expect((await find({ restriction: terms(254) })).codes).toEqual(['NoError']);
    expect((await find({ restriction: terms(255) })).codes).toEqual(['ErrorRestrictionTooLong']);
  });

  test('documented: FindItem gives no MIME', async () => {
    const asked = await find({ properties: ['<t:FieldURI FieldURI="item:MimeContent"/>'] });
    expect(asked.codes).toEqual(['ErrorInvalidPropertyRequest']);
  });
});

describe('single messages', () => {
  test('GetItem answers for each id in order, what is not there by ErrorItemNotFound', async () => {
    const [one, two] = [await create({}), await create({})].map((each) => each.attribute('ItemId', 'Id') ?? '');
    await remove(one ?? '');
    const answer = await get([one ?? '', two ?? '', 'nonsense']);
    expect(answer.codes).toEqual(['ErrorItemNotFound', 'NoError', 'ErrorInvalidIdMalformed']);
    expect(answer.status).toBe(200);
  });

  test('§1.4: read state, flag, verb, categories, date and key can be changed later', async () => {
    const id = (await create({ properties: [tag('0x0E07', 'Integer', '0')] })).attribute('ItemId', 'Id') ?? '';
    const set = (uri: string, value: string) =>
      `<t:SetItemField>${uri}<t:Message>${value}</t:Message></t:SetItemField>`;
    const answer = await update(
      id,
      [
        set('<t:FieldURI FieldURI="message:IsRead"/>', '<t:IsRead>true</t:IsRead>'),
        set(tagUri('0x1090', 'Integer'), tag('0x1090', 'Integer', '2')),
        set(tagUri('0x1081', 'Integer'), tag('0x1081', 'Integer', '102')),
        set(tagUri('0x0E06', 'SystemTime'), tag('0x0E06', 'SystemTime', '1999-12-31T23:59:59Z')),
        set('<t:FieldURI FieldURI="item:Categories"/>', '<t:Categories><t:String>A</t:String></t:Categories>'),
        set(KEY_URI, key('late')),
      ].join(''),
    );
    expect(answer.codes).toEqual(['NoError']);
    const [message] = anna.inbox.messages;
    expect([...(message?.flags ?? [])].toSorted()).toEqual(['\\Answered', '\\Flagged', '\\Seen']);
    expect(message?.internalDate.toISOString()).toBe('1999-12-31T23:59:59.000Z');
    expect(message && tenant.items.of(message).categories).toEqual(['A']);
    expect((await find({ restriction: equal(KEY_URI, 'late') })).attribute('RootFolder', 'TotalItemsInView')).toBe('1');
  });

  test('a change key that is not the item’s any more is a conflict, unless AlwaysOverwrite is said', async () => {
    const written = await create({});
    const id = written.attribute('ItemId', 'Id') ?? '';
    const changeKey = written.attribute('ItemId', 'ChangeKey') ?? '';
    const change =
      '<t:SetItemField><t:FieldURI FieldURI="message:IsRead"/><t:Message><t:IsRead>true</t:IsRead></t:Message></t:SetItemField>';
    expect((await update(id, change, 'AutoResolve', changeKey)).codes).toEqual(['NoError']);
    expect((await update(id, change, 'AutoResolve', changeKey)).codes).toEqual(['ErrorIrresolvableConflict']);
    expect((await update(id, change, 'AlwaysOverwrite', changeKey)).codes).toEqual(['NoError']);
  });

  test('one change takes one property', async () => {
    const id = (await create({})).attribute('ItemId', 'Id') ?? '';
    const change = `<t:SetItemField>${KEY_URI}<t:Message>${key('a')}${key('b')}</t:Message></t:SetItemField>`;
    expect((await update(id, change)).codes).toEqual(['ErrorIncorrectUpdatePropertyCount']);
  });

  test('DeleteItem removes for good by HardDelete and else moves to Deleted Items', async () => {
    const [one, two] = [await create({}), await create({})].map((each) => each.attribute('ItemId', 'Id') ?? '');
    expect((await remove(one ?? '')).codes).toEqual(['NoError']);
    expect((await remove(two ?? '', 'MoveToDeletedItems')).codes).toEqual(['NoError']);
    expect(anna.inbox.messages.length).toBe(0);
    expect(anna.findFolder(['Deleted Items'])?.messages.length).toBe(1);
    expect((await get([two ?? ''])).codes).toEqual(['NoError']);
  });

  test('a message that came by IMAP has an id, a UID and no key', async () => {
    anna.inbox.append({ raw: RAW, flags: ['\\Seen'] });
    const found = await find({ properties: [tagUri('0x0E23', 'Integer'), tagUri('0x0E07', 'Integer'), KEY_URI] });
    expect(found.all('Value')).toEqual(['1', '1']);
    const read = await get([found.attribute('ItemId', 'Id') ?? '']);
    expect(Buffer.from(read.all('MimeContent')[0] ?? '', 'base64')).toEqual(RAW);
  });
});

describe('folders', () => {
  test('§3: a name that differs from a sibling’s in case only is taken: ErrorFolderExists', async () => {
    expect((await makeFolder('Projekte')).codes).toEqual(['NoError']);
    expect((await makeFolder('PROJEKTE')).codes).toEqual(['ErrorFolderExists']);
    expect(anna.findFolder(['Projekte'])?.selectable).toBe(true);
  });

  test('§3: a slash in a name is no separator', async () => {
    const made = await makeFolder('A/B');
    expect(made.codes).toEqual(['NoError']);
    const below = await listFolders('Shallow');
    expect(below.all('DisplayName')).toContain('A/B');
    expect(anna.findFolder(['A'])).toBeNull();
  });

  test('a hidden folder (0x10F4) is told as such, and its next UID (0x6751) with it', async () => {
    const made = await makeFolder(
      'probe',
      '<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x10F4" PropertyType="Boolean"/><t:Value>true</t:Value></t:ExtendedProperty>',
    );
    const id = made.attribute('FolderId', 'Id') ?? '';
    await create({ folder: `<t:FolderId Id="${id}"/>` });
    const read = await client.call(
      `<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>${tagUri('0x10F4', 'Boolean')}${tagUri('0x6751', 'Integer')}</t:AdditionalProperties></m:FolderShape><m:FolderIds><t:FolderId Id="${id}"/></m:FolderIds></m:GetFolder>`,
    );
    expect(read.all('Value')).toEqual(['true', '2']);
    const folder = anna.findFolder(['probe']);
    expect(folder && tenant.items.isHidden(folder)).toBe(true);
  });

  test('Deep finds folders at every level, Shallow the next one, both in pages', async () => {
    anna.ensureFolder(['A', 'B', 'C']);
    expect((await listFolders('Deep')).all('DisplayName')).toEqual(expect.arrayContaining(['INBOX', 'A', 'B', 'C']));
    expect((await listFolders('Shallow')).all('DisplayName')).not.toContain('B');
    const paged = await listFolders(
      'Deep',
      '<m:IndexedPageFolderView MaxEntriesReturned="2" Offset="1" BasePoint="Beginning"/>',
    );
    expect(paged.all('DisplayName').length).toBe(2);
    expect(paged.attribute('RootFolder', 'IncludesLastItemInRange')).toBe('false');
  });

  test('DeleteFolder takes what it holds along, and never a distinguished one', async () => {
    const id = (await makeFolder('Old')).attribute('FolderId', 'Id') ?? '';
    anna.ensureFolder(['Old', 'Older']);
    const drop = (folder: string) =>
      client.call(`<m:DeleteFolder DeleteType="HardDelete"><m:FolderIds>${folder}</m:FolderIds></m:DeleteFolder>`);
    expect((await drop(`<t:FolderId Id="${id}"/>`)).codes).toEqual(['NoError']);
    expect(anna.listFolders().map(({ wireName }) => wireName)).not.toContain('Old/Older');
    expect((await drop(`<t:FolderId Id="${id}"/>`)).codes).toEqual(['ErrorFolderNotFound']);
    expect((await drop('<t:DistinguishedFolderId Id="inbox"/>')).codes).toEqual(['ErrorDeleteDistinguishedFolder']);
  });
});

describe('throttling', () => {
  test('§4.2: a busy server says how long to wait, as a fault or in a response message', async () => {
    tenant.fault = () => busyFault(297_749);
    const fault = await create({});
    expect([fault.status, fault.codes, fault.all('Value')]).toEqual([500, ['ErrorServerBusy'], ['297749']]);
    tenant.fault = ({ name }) => busyMessage(name, 1_500);
    const message = await create({});
    expect([message.status, message.codes, message.all('Value')]).toEqual([200, ['ErrorServerBusy'], ['1500']]);
    expect(message.attribute('CreateItemResponseMessage', 'ResponseClass')).toBe('Error');
    expect(anna.inbox.messages.length).toBe(0);
  });

  test('§4.2: the 28th request of one account at a time is refused, and the account counts, not the mailbox', async () => {
    let release = () => {};
    tenant.ews.gate = new Promise((resolve) => {
      release = resolve;
    });
    const calls = Array.from({ length: 28 }, () => create({}));
    const refused = await Promise.race(calls);
    expect([refused.status, refused.codes]).toEqual([500, ['ErrorExceededConnectionCount']]);
    const own = new EwsClient(tenant.baseUrl, { authorization: basic(anna.user, 'own-secret') });
    const other = own.call('<m:DeleteItem DeleteType="HardDelete"><m:ItemIds/></m:DeleteItem>');
    release();
    expect((await other).status).toBe(200);
    const codes = (await Promise.all(calls)).map((each) => each.codes[0]);
    expect(codes.filter((code) => code === 'NoError').length).toBe(27);
    expect(anna.inbox.messages.length).toBe(27);
  });
});

const create = (...given: Parameters<typeof createItem>) => client.call(createItem(...given));
const get = (...given: Parameters<typeof getItems>) => client.call(getItems(...given));
const find = (...given: Parameters<typeof findItems>) => client.call(findItems(...given));
const update = (...given: Parameters<typeof updateItem>) => client.call(updateItem(...given));
const remove = (...given: Parameters<typeof deleteItem>) => client.call(deleteItem(...given));
const makeFolder = (...given: Parameters<typeof createFolder>) => client.call(createFolder(...given));
const listFolders = (...given: Parameters<typeof findFolders>) => client.call(findFolders(...given));

function applicationToken(): Promise<string> {
  return http.getToken({ scope: 'https://outlook.office365.com/.default' });
}
