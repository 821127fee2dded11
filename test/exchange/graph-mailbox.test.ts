/** Folders, reading, changing, filters, ids and delta of Graph's mail (exchange.md §1.4, §3). */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GERMAN_NAMES } from '../../lab/exchange/mail/special-folders.ts';
import { type Answer, DOMAIN, type Json, startTenant, type TenantClient } from '../support/tenant-client.ts';

const ANNA = `v1.0/users/anna@${DOMAIN}`;
const KEY = 'String {d1c2a6f0-7b1e-4f43-9a3c-6d61696c6672} Name mailferry-key';
const IMMUTABLE = { prefer: 'IdType="ImmutableId"' };

let client: TenantClient;
beforeAll(async () => {
  client = await startTenant(['anna', 'bert']);
});
afterAll(() => client.close());

const names = (answer: Answer, field = 'displayName') => answer.rows.map((row) => String(row[field]));
const idIn = ({ json }: Answer) => encodeURIComponent(String(json['id']));
const folderIn = async (name: string, hidden = false) =>
  idIn(await client.post(`${ANNA}/mailFolders`, { displayName: name, isHidden: hidden }));
const filterOf = (text: string) => `$filter=${encodeURIComponent(text)}`;
const keyIs = (value: string, name = KEY) =>
  filterOf(`singleValueExtendedProperties/Any(ep: ep/id eq '${name}' and ep/value eq '${value}')`);

async function add(folder: string, subject: string, values: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const properties = { 'Integer 0x0E07': '0', ...values };
  const made = await client.post(`${ANNA}/mailFolders/${folder}/messages`, {
    subject,
    internetMessageId: `<${subject}@example.org>`,
    singleValueExtendedProperties: Object.entries(properties).map(([id, value]) => ({ id, value })),
  });
  expect(made.status).toBe(201);
  return made;
}

describe('§3: folders', () => {
  test('are listed ten to a page, the rest by the link; hidden ones only when asked for', async () => {
    const parent = await folderIn('Parent');
    for (let n = 1; n <= 12; n += 1)
      await client.post(`${ANNA}/mailFolders/${parent}/childFolders`, { displayName: `c${n}` });
    await client.post(`${ANNA}/mailFolders/${parent}/childFolders`, { displayName: 'secret', isHidden: true });
    const first = await client.get(`${ANNA}/mailFolders/${parent}/childFolders`);
    expect(first.rows).toHaveLength(10);
    const second = await client.send(String(first.json['@odata.nextLink']));
    expect(names(second)).toEqual(['c11', 'c12']);
    expect(second.json).not.toHaveProperty('@odata.nextLink');
    const all = await client.get(`${ANNA}/mailFolders/${parent}/childFolders?includeHiddenFolders=true&$top=50`);
    expect(names(all)).toContain('secret');
  });

  test('of the same name in other letters are 409 ErrorFolderExists', async () => {
    await folderIn('Rechnungen');
    expect(await client.post(`${ANNA}/mailFolders`, { displayName: 'RECHNUNGEN' })).toMatchObject({
      status: 409,
      code: 'ErrorFolderExists',
    });
    expect(await client.post(`${ANNA}/mailFolders`, { displayName: 'inbox' })).toMatchObject({ status: 409 });
  });

  test('are hidden from their making on or never', async () => {
    const id = await folderIn('Later');
    expect(await client.patch(`${ANNA}/mailFolders/${id}`, { isHidden: true })).toMatchObject({ status: 400 });
  });

  test('have well-known names, and names in the language of the user', async () => {
    const german = await startTenant(['anna'], { folderNames: GERMAN_NAMES });
    for (const [known, shown] of Object.entries(GERMAN_NAMES)) {
      expect((await german.get(`${ANNA}/mailFolders/${known}`)).json['displayName']).toBe(shown);
    }
    const made = await german.post(`${ANNA}/mailFolders`, { displayName: 'posteingang' });
    await german.close();
    expect(made).toMatchObject({ status: 409, code: 'ErrorFolderExists' });
  });

  test('may have a slash in their name, which parts nothing', async () => {
    const id = await folderIn('Ein/Aus');
    const child = await client.post(`${ANNA}/mailFolders/${id}/childFolders`, { displayName: 'x' });
    expect(child.json['parentFolderId']).toBe(decodeURIComponent(id));
    expect((await client.get(`${ANNA}/mailFolders/${id}`)).json['displayName']).toBe('Ein/Aus');
    const account = client.tenant.store.findAccount(`anna@${DOMAIN}`);
    expect(account?.listFolders().some(({ path }) => path[0] === 'Ein')).toBe(false);
    expect(account?.findFolder(['Ein/Aus', 'x'])?.wireName).toBe('Ein&+P8-Aus/x');
    expect(client.tenant.store.pathOf('Ein&+P8-Aus/x')).toEqual(['Ein/Aus', 'x']);
  });

  test('tell the next UID as 0x6751, when it is asked for', async () => {
    const id = await folderIn('Numbers');
    await add(id, 'n1');
    const asked = `$expand=${encodeURIComponent("singleValueExtendedProperties($filter=id eq 'Integer 0x6751')")}`;
    const answer = await client.get(`${ANNA}/mailFolders/${id}?${asked}`);
    expect(answer.json['singleValueExtendedProperties']).toEqual([{ id: 'Integer 0x6751', value: '2' }]);
  });

  test('go with all that is in them, but the special ones stay', async () => {
    const id = await folderIn('Gone');
    await client.post(`${ANNA}/mailFolders/${id}/childFolders`, { displayName: 'below' });
    expect((await client.send(`${ANNA}/mailFolders/${id}`, { method: 'DELETE' })).status).toBe(204);
    expect(await client.get(`${ANNA}/mailFolders/${id}`)).toMatchObject({ status: 404, code: 'ErrorItemNotFound' });
    expect((await client.send(`${ANNA}/mailFolders/inbox`, { method: 'DELETE' })).status).toBe(400);
  });
});

describe('§3: filters', () => {
  test('find by the key property: its name by case, its value without', async () => {
    const folder = await folderIn('Keys');
    await add(folder, 'k1', { [KEY]: 'abc234' });
    await add(folder, 'k2', { [KEY]: 'other' });
    const look = async (query: string) =>
      names(await client.get(`${ANNA}/mailFolders/${folder}/messages?${query}`), 'subject');
    expect(await look(keyIs('abc234'))).toEqual(['k1']);
    expect(await look(keyIs('ABC234'))).toEqual(['k1']);
    expect(await look(keyIs('abc234', KEY.replace('mailferry', 'Mailferry')))).toEqual([]);
    expect(await look(keyIs('abc23'))).toEqual([]);
    const either = `${keyIs('abc234').slice(8)}${encodeURIComponent(' or ')}${keyIs('other').slice(8)}`;
    expect((await look(`$filter=${either}`)).toSorted()).toEqual(['k1', 'k2']);
  });

  test('compare numbers through cast, so that a range of UIDs can be asked for', async () => {
    const folder = await folderIn('Ranges');
    for (const subject of ['u1', 'u2', 'u3']) await add(folder, subject);
    const range = (bounds: string) =>
      filterOf(`singleValueExtendedProperties/Any(ep: ep/id eq 'Integer 0x0E23' and ${bounds})`);
    const look = async (bounds: string) =>
      names(await client.get(`${ANNA}/mailFolders/${folder}/messages?${range(bounds)}`), 'subject').toSorted();
    expect(await look('cast(ep/value, Edm.Int32) ge 2')).toEqual(['u2', 'u3']);
    expect(await look('cast(ep/value, Edm.Int32) gt 1 and cast(ep/value, Edm.Int32) lt 3')).toEqual(['u2']);
  });

  test.each([
    ["internetMessageId eq '<f1@example.org>'", ['f1']],
    ["subject eq 'F2'", ['f2']],
    ["startswith(subject,'f')", ['f1', 'f2']],
    ['receivedDateTime ge 2020-01-01T00:00:00Z', ['f2']],
    ['isRead eq false and receivedDateTime lt 2020-01-01T00:00:00Z', ['f1']],
    ['not (isDraft eq true)', ['f1', 'f2']],
  ])('%s', async (text, expected) => {
    const folder = (await client.get(`${ANNA}/mailFolders?$filter=displayName eq 'Filters'`)).rows[0]?.['id'];
    const id = folder === undefined ? await folderIn('Filters') : encodeURIComponent(String(folder));
    if (folder === undefined) {
      await add(id, 'f1', { 'SystemTime 0x0E06': '2014-03-01T10:11:12Z' });
      await add(id, 'f2', { 'SystemTime 0x0E06': '2024-03-01T10:11:12Z' });
    }
    const answer = await client.get(`${ANNA}/mailFolders/${id}/messages?${filterOf(text)}`);
    expect(names(answer, 'subject').toSorted()).toEqual(expected);
  });

  test.each(['subject like x', 'colour eq 1', 'cast(subject, Edm.Int32) eq 1', "internetMessageId eq '<a>' and"])(
    'that Graph does not understand are refused: %s',
    async (text) => {
      await add('inbox', 'any');
      const answer = await client.get(`${ANNA}/mailFolders/inbox/messages?${filterOf(text)}`);
      expect(answer).toMatchObject({ status: 400, code: 'ErrorInvalidUrlQueryFilter' });
    },
  );

  test('options and properties that are unknown are refused', async () => {
    expect((await client.get(`${ANNA}/messages?$search="x"`)).status).toBe(400);
    expect(await client.get(`${ANNA}/messages?$select=colour`)).toMatchObject({ code: 'RequestBroker--ParseUri' });
    expect((await client.get(`${ANNA}/messages?$top=0`)).status).toBe(400);
    const twisted = `${filterOf('isRead eq false')}&$orderby=receivedDateTime asc`;
    expect(await client.get(`${ANNA}/messages?${twisted}`)).toMatchObject({ code: 'InefficientFilter' });
  });
});

describe('§3: ids', () => {
  test('change on a move, immutable ones do not, and case matters', async () => {
    const made = await add('inbox', 'i1');
    const read = await client.get(`${ANNA}/messages/${idIn(made)}`, IMMUTABLE);
    const immutable = idIn(read);
    expect(immutable).not.toBe(idIn(made));
    expect((await client.post(`${ANNA}/messages/${immutable}/move`, { destinationId: 'archive' })).status).toBe(201);
    expect((await client.get(`${ANNA}/messages/${immutable}`, IMMUTABLE)).status).toBe(200);
    expect(await client.get(`${ANNA}/messages/${idIn(made)}`)).toMatchObject({
      status: 404,
      code: 'ErrorItemNotFound',
    });
    expect((await client.get(`${ANNA}/messages/${immutable.toLowerCase()}`)).status).toBe(404);
  });

  test('of another mailbox open nothing', async () => {
    const made = await add('inbox', 'i2');
    expect((await client.get(`v1.0/users/bert@${DOMAIN}/messages/${idIn(made)}`)).status).toBe(404);
  });
});

describe('§1.4: changing a message', () => {
  test('read state, flag, categories and properties of any; isRead is \\Seen to IMAP', async () => {
    const made = await add('inbox', 'p1');
    const changed = await client.patch(`${ANNA}/messages/${idIn(made)}`, {
      isRead: true,
      flag: { flagStatus: 'flagged' },
      categories: ['Blue'],
      singleValueExtendedProperties: [
        { id: 'Integer 0x1081', value: '102' },
        { id: 'SystemTime 0x0E06', value: '2011-01-01T00:00:00Z' },
      ],
    });
    expect(changed.json).toMatchObject({
      isRead: true,
      flag: { flagStatus: 'flagged' },
      categories: ['Blue'],
      receivedDateTime: '2011-01-01T00:00:00Z',
    });
    const stored = client.tenant.store.findAccount(`anna@${DOMAIN}`)?.inbox.messages.at(-1);
    expect([...(stored?.flags ?? [])].toSorted()).toEqual(['\\Answered', '\\Flagged', '\\Seen']);
    const back = await client.patch(`${ANNA}/messages/${idIn(made)}`, {
      isRead: false,
      flag: { flagStatus: 'notFlagged' },
    });
    expect(back.json).toMatchObject({ isRead: false, flag: { flagStatus: 'notFlagged' } });
  });

  test('what IMAP sets, Graph shows', async () => {
    await add('inbox', 'p2');
    const inbox = client.tenant.store.findAccount(`anna@${DOMAIN}`)?.inbox;
    inbox?.setFlags(inbox.messages.at(-1)?.uid ?? 0, new Set(['\\Seen', '\\Flagged']));
    const found = await client.get(`${ANNA}/messages?${filterOf("subject eq 'p2'")}`);
    expect(found.rows[0]).toMatchObject({ isRead: true, flag: { flagStatus: 'flagged' } });
  });

  test('subject and body of a draft only; from 2026-12-31 of another by a right of its own', async () => {
    const draft = await client.post(`${ANNA}/messages`, { subject: 'old' });
    expect((await client.patch(`${ANNA}/messages/${idIn(draft)}`, { subject: 'new' })).json['subject']).toBe('new');
    client.tenant.access.register({ clientId: 'plain', secrets: ['s'], roles: ['Mail.ReadWrite'] });
    const token = await client.getToken({ client_id: 'plain', client_secret: 's' });
    const mail = await add('inbox', 'p3');
    const path = `${ANNA}/messages/${idIn(mail)}`;
    const change = (body: object) => client.send(path, { method: 'PATCH', token, body });
    const property = { singleValueExtendedProperties: [{ id: KEY, value: 'x' }] };
    client.tenant.graph.sensitiveFrom = new Date(Date.now() + 86_400_000);
    expect(await change({ subject: 'new' })).toMatchObject({
      status: 400,
      code: 'ErrorInvalidPropertyUpdateSentMessage',
    });
    client.tenant.graph.sensitiveFrom = new Date(Date.now() - 1);
    expect(await change({ subject: 'new' })).toMatchObject({ status: 403, code: 'ErrorAccessDenied' });
    expect((await change({ isRead: true, categories: ['x'] })).status).toBe(200);
    expect((await change(property)).status).toBe(200);
    client.tenant.graph.propertiesAreSensitive = true;
    expect((await change(property)).status).toBe(403);
    expect((await client.patch(path, { subject: 'new' })).json['subject']).toBe('new');
    client.tenant.graph.propertiesAreSensitive = false;
  });

  test('by an old etag is a conflict', async () => {
    const made = await add('inbox', 'p4');
    const headers = { 'if-match': String(made.json['@odata.etag']) };
    const path = `${ANNA}/messages/${idIn(made)}`;
    expect((await client.send(path, { method: 'PATCH', headers, body: { isRead: true } })).status).toBe(200);
    expect((await client.send(path, { method: 'PATCH', headers, body: { isRead: false } })).status).toBe(412);
  });

  test('DELETE puts it into Deleted Items, permanentDelete nowhere', async () => {
    const made = await add('inbox', 'd1');
    const { json } = await client.get(`${ANNA}/messages/${idIn(made)}`, IMMUTABLE);
    const path = `${ANNA}/messages/${encodeURIComponent(String(json['id']))}`;
    expect((await client.send(path, { method: 'DELETE' })).status).toBe(204);
    const trash = (await client.get(`${ANNA}/mailFolders/deleteditems`)).json['id'];
    expect((await client.get(path)).json['parentFolderId']).toBe(trash);
    expect((await client.post(`${path}/permanentDelete`, {})).status).toBe(204);
    expect((await client.get(path)).status).toBe(404);
  });

  test('T70: unread mail that asks for a receipt sends one when it is read or deleted by Graph', async () => {
    const asks = { 'String 0x007D': 'Disposition-Notification-To: ben@example.org\r\n' };
    const receipts = () => client.tenant.outgoing.list.filter(({ why }) => why === 'read receipt').length;
    const [read, gone] = [await add('inbox', 'r1', asks), await add('inbox', 'r2', asks)];
    expect(receipts()).toBe(0);
    await client.patch(`${ANNA}/messages/${idIn(read)}`, { isRead: true });
    expect(receipts()).toBe(1);
    await client.post(`${ANNA}/messages/${idIn(gone)}/permanentDelete`, {});
    expect(receipts()).toBe(2);
  });

  test('§6.3: nothing may be purged while retention is held, where the tenant is set to say so', async () => {
    const mailbox = client.tenant.state.findMailbox(`anna@${DOMAIN}`) ?? {};
    const made = await add('inbox', 'h1');
    const folder = await folderIn('Held');
    client.tenant.graph.holdRefusesPurge = true;
    Object.assign(mailbox, { retentionHold: true });
    const paths = [`${ANNA}/messages/${idIn(made)}/permanentDelete`, `${ANNA}/mailFolders/${folder}/permanentDelete`];
    for (const path of paths) expect(await client.post(path, {})).toMatchObject({ code: 'ErrorCannotDeleteObject' });
    Object.assign(mailbox, { retentionHold: false });
    for (const path of paths) expect((await client.post(path, {})).status).toBe(204);
    client.tenant.graph.holdRefusesPurge = false;
  });

  test('sending is possible and counted, so that an import that sends is seen', async () => {
    const draft = await client.post(`${ANNA}/messages`, {
      toRecipients: [{ emailAddress: { address: 'x@example.org' } }],
    });
    expect((await client.post(`${ANNA}/messages/${idIn(draft)}/send`, {})).status).toBe(202);
    expect(client.tenant.outgoing.list.at(-1)).toMatchObject({ to: 'x@example.org', why: 'sent by a client' });
  });
});

describe('§3: delta', () => {
  test('tells what came, changed and went since the round before, and only that', async () => {
    const folder = await folderIn('Delta');
    const made = await add(folder, 'e1');
    for (let n = 2; n <= 12; n += 1) await add(folder, `e${n}`);
    const first = await client.get(`${ANNA}/mailFolders/${folder}/messages/delta?$select=subject,isRead`);
    expect(first.rows).toHaveLength(10);
    const rest = await client.send(String(first.json['@odata.nextLink']));
    expect(rest.rows).toHaveLength(2);
    const link = String(rest.json['@odata.deltaLink']);
    expect((await client.send(link)).rows).toEqual([]);

    await client.patch(`${ANNA}/messages/${idIn(made)}`, { isRead: true });
    const gone = rest.rows.find((row: Json) => String(row['subject']) !== 'e1');
    await client.post(`${ANNA}/messages/${encodeURIComponent(String(gone?.['id']))}/permanentDelete`, {});
    await add(folder, 'e13');
    const { rows } = await client.send(link);
    expect(rows.filter((row) => '@removed' in row)).toEqual([{ id: gone?.['id'], '@removed': { reason: 'deleted' } }]);
    expect(rows.flatMap((row) => (row['subject'] === undefined ? [] : [String(row['subject'])])).toSorted()).toEqual([
      'e1',
      'e13',
    ]);
  });

  test('filters by date alone, and forgets a state that it never gave', async () => {
    const path = `${ANNA}/mailFolders/inbox/messages/delta`;
    expect((await client.get(`${path}?${filterOf('receivedDateTime ge 2030-01-01T00:00:00Z')}`)).rows).toEqual([]);
    expect((await client.get(`${path}?${filterOf('isRead eq true')}`)).status).toBe(400);
    expect(await client.get(`${path}?$deltatoken=never`)).toMatchObject({ status: 410, code: 'SyncStateNotFound' });
  });
});

describe('§9.4: a message that was just made', () => {
  test('is found by its id at once, by lists, filters and delta later', async () => {
    client.tenant.graph.visibleAfterMs = 5_000;
    const folder = await folderIn('Lag');
    const made = await add(folder, 'v1', { [KEY]: 'lag' });
    client.tenant.graph.visibleAfterMs = 0;
    const looks = () =>
      Promise.all(
        ['messages', `messages?${keyIs('lag')}`, 'messages/delta'].map(async (what) => {
          return (await client.get(`${ANNA}/mailFolders/${folder}/${what}`)).rows.length;
        }),
      );
    expect((await client.get(`${ANNA}/messages/${idIn(made)}`)).status).toBe(200);
    expect(await looks()).toEqual([0, 0, 0]);
    client.tenant.advance(5_000);
    expect(await looks()).toEqual([1, 1, 1]);
  });
});
