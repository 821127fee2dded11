/** How a message gets into a mailbox by Graph, and what is refused (exchange.md §1.1 to §1.5). */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, DOMAIN, type Json, startTenant, type TenantClient } from '../support/tenant-client.ts';

const ANNA = `v1.0/users/anna@${DOMAIN}`;
const BETA = `beta/users/anna@${DOMAIN}`;
const KEY = 'String {d1c2a6f0-7b1e-4f43-9a3c-6d61696c6672} Name mailferry-key';
const MIME = [
  'From: Bert <bert@example.org>',
  'To: anna@harbour.test',
  'Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=',
  'Date: Sat, 01 Mar 2014 10:11:10 +0000',
  'Message-ID: <m1@example.org>',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  'Gr=C3=BC=C3=9Fe',
  '',
].join('\r\n');

let client: TenantClient;
beforeAll(async () => {
  client = await startTenant();
});
afterAll(() => client.close());

const base64 = (text: string) => Buffer.from(text, 'latin1').toString('base64');
const asText = { 'content-type': 'text/plain' };
const create = (body: object, folder = 'inbox') => client.post(`${ANNA}/mailFolders/${folder}/messages`, body);
const properties = (values: Readonly<Record<string, string>>) => ({
  singleValueExtendedProperties: Object.entries(values).map(([id, value]) => ({ id, value })),
});
const idIn = ({ json }: Answer) => encodeURIComponent(String(json['id']));
const propertyIn = (json: Json, id: string) => {
  const list: unknown = json['singleValueExtendedProperties'];
  const found = Array.isArray(list) ? (list as Json[]).find((one) => String(one['id']) === id) : undefined;
  return found?.['value'];
};
const expand = (...ids: string[]) =>
  `$expand=${encodeURIComponent(`singleValueExtendedProperties($filter=${ids.map((id) => `id eq '${id}'`).join(' or ')})`)}`;

describe('§1.1: MIME', () => {
  test('into the mailbox is a draft in Drafts, received now, sent when its Date says', async () => {
    const answer = await client.post(`${ANNA}/messages`, base64(MIME), asText);
    expect(answer).toMatchObject({
      status: 201,
      json: { isDraft: true, subject: 'Grüße', sentDateTime: '2014-03-01T10:11:10Z' },
    });
    expect(Date.parse(String(answer.json['receivedDateTime']))).toBeGreaterThan(Date.parse('2026-01-01'));
    const drafts = await client.get(`${ANNA}/mailFolders/drafts`);
    expect(answer.json['parentFolderId']).toBe(drafts.json['id']);
  });

  test('into a folder is refused', async () => {
    const answer = await client.post(`${ANNA}/mailFolders/inbox/messages`, base64(MIME), asText);
    expect(answer).toMatchObject({ status: 400, code: 'UnableToDeserializePostBody' });
    expect(answer.text).toContain('were unable to deserialize');
  });

  test.each([
    ['that is not base64', MIME, 400, 'ErrorMimeContentInvalidBase64String'],
    ['of nothing', '', 400, 'ErrorMimeContentInvalidBase64String'],
    ['with bare LF', base64(MIME.replaceAll('\r\n', '\n')), 400, 'UnableToDeserializePostBody'],
    ['over 4 MB', base64(`${MIME}${'x'.repeat(3 * 1024 * 1024)}`), 413, 'RequestEntityTooLarge'],
  ])('%s is refused', async (_case, body, status, code) => {
    expect(await client.post(`${ANNA}/messages`, body, asText)).toMatchObject({ status, code });
  });

  test('is encoded anew, except inside multipart/signed', async () => {
    const signed = MIME.replace(
      'Content-Type: text/plain; charset=utf-8',
      'Content-Type: multipart/signed; boundary=b',
    );
    for (const [mime, isKept] of [
      [MIME, false],
      [signed, true],
    ] as const) {
      const { json } = await client.post(`${ANNA}/messages`, base64(mime), asText);
      const value = await client.get(`${ANNA}/messages/${encodeURIComponent(String(json['id']))}/$value`);
      expect(value.text === mime).toBe(isKept);
      expect(value.text).toContain('Message-ID: <m1@example.org>');
    }
  });
});

describe('§1.2: the draft flag is a one-way door', () => {
  test('neither PATCH, move nor copy clears it', async () => {
    const made = await client.post(`${ANNA}/messages`, base64(MIME), asText);
    const path = `${ANNA}/messages/${idIn(made)}`;
    expect((await client.patch(path, { isDraft: false })).json['isDraft']).toBe(true);
    expect((await client.patch(path, properties({ 'Integer 0x0E07': '1' }))).json['isDraft']).toBe(true);
    const moved = await client.post(`${path}/move`, { destinationId: 'inbox' });
    expect(moved).toMatchObject({ status: 201, json: { isDraft: true } });
    const copied = await client.post(`${ANNA}/messages/${idIn(moved)}/copy`, { destinationId: 'archive' });
    expect(copied).toMatchObject({ status: 201, json: { isDraft: true } });
  });
});

describe('§1.3: JSON', () => {
  const MAIL = {
    subject: 'Anchor',
    body: { contentType: 'html', content: '<p>Harbour</p>' },
    from: { emailAddress: { name: 'Bert', address: 'bert@example.org' } },
    toRecipients: [{ emailAddress: { name: 'Anna', address: `anna@${DOMAIN}` } }],
    internetMessageId: '<j1@example.org>',
    isRead: true,
    flag: { flagStatus: 'flagged' },
    categories: ['Blue'],
  };
  const OLD = {
    'Integer 0x0E07': '1',
    'SystemTime 0x0E06': '2014-03-01T10:11:12Z',
    'SystemTime 0x0039': '2014-03-01T10:11:10Z',
    'Integer 0x1081': '102',
    'Integer 0x1080': '261',
    [KEY]: 'abcdef',
  };

  test('with 0x0E07 and 0x0E06 makes a message that is no draft, dated, with its key, in the chosen folder', async () => {
    const made = await create({ ...MAIL, ...properties(OLD) });
    expect(made.status).toBe(201);
    const read = await client.get(
      `${ANNA}/messages/${idIn(made)}?${expand(KEY, 'Integer 0x0E07', 'Integer 0x0E23', 'Integer 0x1081')}`,
    );
    expect(read.json).toMatchObject({
      isDraft: false,
      isRead: true,
      receivedDateTime: '2014-03-01T10:11:12Z',
      sentDateTime: '2014-03-01T10:11:10Z',
      internetMessageId: '<j1@example.org>',
      flag: { flagStatus: 'flagged' },
      categories: ['Blue'],
      subject: 'Anchor',
      body: { contentType: 'html', content: '<p>Harbour</p>' },
    });
    expect(propertyIn(read.json, KEY)).toBe('abcdef');
    expect(propertyIn(read.json, 'Integer 0xe07')).toBe('1');
    const stored = client.tenant.store.findAccount(`anna@${DOMAIN}`)?.inbox.messages.at(-1);
    expect(propertyIn(read.json, 'Integer 0xe23')).toBe(String(stored?.uid));
    expect([...(stored?.flags ?? [])].toSorted()).toEqual(['\\Answered', '\\Flagged', '\\Seen']);
    expect(stored?.internalDate.toISOString()).toBe('2014-03-01T10:11:12.000Z');
  });

  test('without 0x0E07 makes a draft, and with its bit 0x8 as well', async () => {
    expect((await create(MAIL)).json['isDraft']).toBe(true);
    expect((await create({ ...MAIL, ...properties({ 'Integer 0x0E07': '8' }) })).json['isDraft']).toBe(true);
    expect((await create({ subject: 'x', ...properties({ 'Integer 0x0E07': '0' }) })).json).toMatchObject({
      isDraft: false,
      isRead: false,
    });
  });

  test('the property comes back only when it is asked for', async () => {
    const made = await create({ ...MAIL, ...properties(OLD) });
    expect(made.json).not.toHaveProperty('singleValueExtendedProperties');
    expect(await client.get(`${ANNA}/messages/${idIn(made)}?$expand=singleValueExtendedProperties`)).toMatchObject({
      status: 400,
    });
  });

  test('is rendered to MIME, under the header block of 0x007D where there is one', async () => {
    const block =
      'Received: from a by b\r\n\tfor anna\r\nSubject: Anchor\r\nX-Old: 1\r\nContent-Type: multipart/signed\r\n';
    const made = await create({ ...MAIL, ...properties({ ...OLD, 'String 0x007D': block }) });
    const value = await client.get(`${ANNA}/messages/${idIn(made)}/$value`);
    expect(value.text).toMatch(/^Received: from a by b\r\n\tfor anna\r\nSubject: Anchor\r\nX-Old: 1\r\n/);
    expect(value.text).toContain('Message-ID: <j1@example.org>');
    expect(value.text).not.toContain('multipart/signed');
    const headers = await client.get(`${ANNA}/messages/${idIn(made)}?$select=internetMessageHeaders`);
    expect(headers.text).toContain('X-Old');
  });

  test.each([
    ['receivedDateTime as a plain field', { receivedDateTime: '2014-03-01T10:11:12Z' }, 'UnableToDeserializePostBody'],
    ['an unknown property', { colour: 'blue' }, 'RequestBodyRead'],
    ['a wrong type', { isRead: 'yes' }, 'RequestBodyRead'],
    ['a wrong type of recipients', { toRecipients: 'bert@example.org' }, 'RequestBodyRead'],
    ['a number for a property value', { singleValueExtendedProperties: [{ id: KEY, value: 1 }] }, 'RequestBodyRead'],
    ['an unknown property id', properties({ 'Text 0x0E07': '1' }), 'ErrorInvalidProperty'],
    ['a value that is no number', properties({ 'Integer 0x0E07': 'one' }), 'ErrorInvalidExtendedPropertyValue'],
    [
      'a header without x-',
      { internetMessageHeaders: [{ name: 'Received', value: 'x' }] },
      'InvalidInternetMessageHeader',
    ],
    [
      'six headers',
      { internetMessageHeaders: [1, 2, 3, 4, 5, 6].map((n) => ({ name: `x-${n}`, value: 'x' })) },
      'InvalidInternetMessageHeaderCollection',
    ],
    [
      'a header of 996 characters',
      { internetMessageHeaders: [{ name: 'x-a', value: 'x'.repeat(996) }] },
      'InvalidInternetMessageHeader',
    ],
    ['a subject of 256 characters', { subject: 'x'.repeat(256) }, 'ErrorInvalidProperty'],
    ['an attachment of unknown type', { attachments: [{ name: 'a' }] }, 'RequestBodyRead'],
  ])('%s is refused', async (_case, odd, code) => {
    const inbox = client.tenant.store.findAccount(`anna@${DOMAIN}`)?.inbox;
    const before = inbox?.messages.length;
    expect(await create({ ...MAIL, ...odd })).toMatchObject({ status: 400, code });
    expect(inbox?.messages.length).toBe(before);
  });

  test('five headers with x- of 995 characters are kept', async () => {
    const internetMessageHeaders = [1, 2, 3, 4, 5].map((n) => ({ name: `x-${n}`, value: 'x'.repeat(995) }));
    const made = await create({ ...MAIL, internetMessageHeaders });
    expect(made.status).toBe(201);
    expect((await client.get(`${ANNA}/messages/${idIn(made)}?$select=internetMessageHeaders`)).text).toContain('x-5');
  });
});

describe('§1.5: importMime', () => {
  const importTo = (folder: string) => client.post(`${BETA}/mailFolders/${folder}/importMime`, base64(MIME), asText);

  test('makes a message that is no draft and keeps the MIME to the byte', async () => {
    const made = await importTo('archive');
    expect(made).toMatchObject({ status: 201, json: { isDraft: false, isRead: false } });
    expect((await client.get(`${ANNA}/messages/${idIn(made)}/$value`)).text).toBe(MIME);
  });

  test('may be absent, and is always absent from v1.0', async () => {
    const inV1 = await client.post(`${ANNA}/mailFolders/inbox/importMime`, base64(MIME), asText);
    expect(inV1).toMatchObject({ status: 400, code: 'BadRequest' });
    client.tenant.graph.importMime = false;
    const absent = await importTo('inbox');
    client.tenant.graph.importMime = true;
    expect(absent).toMatchObject({ status: 400, code: 'BadRequest' });
    expect(absent.text).toContain("Resource not found for the segment 'importMime'");
  });

  test('needs Mail-Advanced.ReadWrite.All, and Mail.ReadWrite is not enough', async () => {
    const { access } = client.tenant;
    access.register({ clientId: 'plain', secrets: ['s'], roles: ['Mail.ReadWrite'] });
    access.register({ clientId: 'advanced', secrets: ['s'], roles: ['Mail-Advanced.ReadWrite.All'] });
    for (const [client_id, status] of [
      ['plain', 403],
      ['advanced', 201],
    ] as const) {
      const token = await client.getToken({ client_id, client_secret: 's' });
      const answer = await client.send(`${BETA}/mailFolders/inbox/importMime`, {
        method: 'POST',
        token,
        headers: asText,
        body: base64(MIME),
      });
      expect(answer.status).toBe(status);
    }
  });

  test('date and read state are what the tenant is set to: unknown', async () => {
    Object.assign(client.tenant.graph, { importedReceived: 'date-header', importedIsRead: true });
    const made = await importTo('inbox');
    Object.assign(client.tenant.graph, { importedReceived: 'now', importedIsRead: false });
    expect(made.json).toMatchObject({ isRead: true, receivedDateTime: '2014-03-01T10:11:10Z' });
  });
});
