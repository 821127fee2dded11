/** One mailbox behind three fronts: what one has written, the others see, each in its own words. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type ExchangeImap, startExchangeImap } from '../../lab/exchange/imap/server.ts';
import type { Account } from '../../lab/imap/store.ts';
import { basic, EwsClient } from '../support/ews-client.ts';
import {
  createFolder,
  createItem,
  findItems,
  KEY_SET,
  KEY_URI,
  key,
  RAW,
  tag,
  tagUri,
} from '../support/ews-requests.ts';
import { ImapTalk } from '../support/imap-talk.ts';
import { DOMAIN, startTenant, type TenantClient } from '../support/tenant-client.ts';

const ANNA = `anna@${DOMAIN}`;
const MESSAGES = `v1.0/users/${ANNA}/mailFolders/inbox/messages`;
const KEY = `String {${KEY_SET}} Name mailferry-key`;

let graph: TenantClient;
let ews: EwsClient;
let imap: ExchangeImap;
let anna: Account;

beforeAll(async () => {
  graph = await startTenant([]);
  anna = graph.tenant.addMailbox(ANNA, 'own-secret');
  ews = new EwsClient(graph.tenant.baseUrl, { authorization: basic(ANNA, 'own-secret') });
  imap = await startExchangeImap(graph.tenant, { edition: 'server' });
});
afterAll(async () => {
  await imap.close();
  await graph.close();
});
afterEach(() => anna.inbox.expunge(anna.inbox.messages.map(({ uid }) => uid)));

const filter = (text: string) => `${MESSAGES}?$filter=${encodeURIComponent(text)}`;
const byKey = (value: string) =>
  filter(`singleValueExtendedProperties/Any(ep: ep/id eq '${KEY}' and ep/value eq '${value}')`);
const talk = async (): Promise<ImapTalk> => {
  const opened = await ImapTalk.open(imap.port);
  expect(await opened.ask(`LOGIN "${ANNA}" "own-secret"`)).toMatch(/^OK/);
  return opened;
};

test('what EWS has written: Graph finds it by key and by UID, IMAP fetches it', async () => {
  const uid = anna.inbox.uidNext;
  const properties = [tag('0x0E07', 'Integer', '1'), tag('0x0E06', 'SystemTime', '2014-03-01T10:11:12Z'), key('abc')];
  await ews.call(createItem({ properties, categories: ['Kunden'] }));
  const found = await graph.get(byKey('ABC'));
  expect(found.rows).toMatchObject([
    { isDraft: false, isRead: true, receivedDateTime: '2014-03-01T10:11:12Z', categories: ['Kunden'] },
  ]);
  const number = `singleValueExtendedProperties/Any(ep: ep/id eq 'Integer 0x0E23' and cast(ep/value, Edm.Int32) ge ${uid})`;
  expect((await graph.get(filter(number))).rows.map(({ id }) => id)).toEqual(found.rows.map(({ id }) => id));
  const client = await talk();
  await client.command('SELECT INBOX');
  expect((await client.command(`UID FETCH ${uid} (FLAGS INTERNALDATE RFC822.SIZE)`))[0]).toBe(
    `* 1 FETCH (UID ${uid} FLAGS (\\Seen) INTERNALDATE " 1-Mar-2014 10:11:12 +0000" RFC822.SIZE ${RAW.length})`,
  );
  client.close();
});

test('what Graph has written: EWS finds it by key, and its UID is that of IMAP', async () => {
  const values = { 'Integer 0x0E07': '0', [KEY]: 'def' };
  const body = {
    subject: 'one',
    singleValueExtendedProperties: Object.entries(values).map(([id, value]) => ({ id, value })),
  };
  expect((await graph.post(MESSAGES, body)).status).toBe(201);
  const properties = [KEY_URI, tagUri('0x0E07', 'Integer'), tagUri('0x0E23', 'Integer')];
  const found = await ews.call(findItems({ properties }));
  expect(found.all('Value').toSorted()).toEqual(['0', String(anna.inbox.messages[0]?.uid), 'def'].toSorted());
});

test('§5.3: a flag that IMAP alone shows is none to Graph and EWS, until a STORE (T68)', async () => {
  const client = await talk();
  await client.append('INBOX', RAW, '(\\Flagged) ');
  const seen = async () => {
    const [row] = (await graph.get(MESSAGES)).rows;
    const found = await ews.call(findItems({ properties: [tagUri('0x1090', 'Integer')] }));
    return [row?.['flag']?.['flagStatus'], ...found.all('Value')];
  };
  expect(await seen()).toEqual(['notFlagged']);
  await client.command('SELECT INBOX');
  await client.command('STORE 1 +FLAGS (\\Flagged)');
  expect(await seen()).toEqual(['flagged', '2']);
  client.close();
});

test('a folder that EWS has made is there to Graph and IMAP with the same id, a hidden one to neither list', async () => {
  const hidden =
    '<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x10F4" PropertyType="Boolean"/><t:Value>true</t:Value></t:ExtendedProperty>';
  const made = await ews.call(createFolder('Projekte'));
  await ews.call(createFolder('probe', hidden));
  const rows = (await graph.get(`v1.0/users/${ANNA}/mailFolders?$top=50`)).rows;
  expect(rows.find(({ displayName }) => String(displayName) === 'Projekte')?.['id']).toBe(
    made.attribute('FolderId', 'Id'),
  );
  const client = await talk();
  const listed = (await client.command('LIST "" *')).join('\n');
  expect(listed).toContain('Projekte');
  expect(listed + JSON.stringify(rows)).not.toContain('probe');
  client.close();
});
