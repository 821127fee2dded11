/** Batches, large attachments, limits, rights and faults of Graph's mail (exchange.md §1.6, §3, §9.6). */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Fault } from '../../lab/exchange/tenant.ts';
import { type Answer, DOMAIN, type Json, startTenant, type TenantClient } from '../support/tenant-client.ts';

const ANNA = `v1.0/users/anna@${DOMAIN}`;
const MB = 1024 * 1024;

let client: TenantClient;
beforeAll(async () => {
  client = await startTenant(['anna', 'bert']);
});
afterAll(() => client.close());
afterEach(() => {
  client.tenant.fault = null;
  client.tenant.graph.latencyMs = 0;
});

const idIn = ({ json }: Answer) => encodeURIComponent(String(json['id']));
const nonDraft = { singleValueExtendedProperties: [{ id: 'Integer 0x0E07', value: '1' }] };
const add = (subject: string) => client.post(`${ANNA}/mailFolders/inbox/messages`, { subject, ...nonDraft });
const inbox = () => client.tenant.store.findAccount(`anna@${DOMAIN}`)?.inbox.messages ?? [];

describe('§1.6: attachments', () => {
  const file = (bytes: Buffer) => ({
    '@odata.type': '#microsoft.graph.fileAttachment',
    name: 'a.bin',
    contentType: 'application/octet-stream',
    contentBytes: bytes.toString('base64'),
  });

  test('below 3 MB go in one call, come back to the byte, and are in the MIME', async () => {
    const bytes = Buffer.from(Array.from({ length: 1_000 }, (_one, at) => at % 256));
    const made = await client.post(`${ANNA}/mailFolders/inbox/messages`, { ...nonDraft, attachments: [file(bytes)] });
    expect(made.json['hasAttachments']).toBe(true);
    expect((await client.post(`${ANNA}/messages/${idIn(made)}/attachments`, file(Buffer.from('two')))).status).toBe(
      201,
    );
    const { rows } = await client.get(`${ANNA}/messages/${idIn(made)}/attachments`);
    expect(rows.map((row) => row['contentBytes'])).toEqual(
      [bytes, Buffer.from('two')].map((one) => one.toString('base64')),
    );
    const one = await client.get(`${ANNA}/messages/${idIn(made)}/attachments/${String(rows[1]?.['id'])}`);
    expect(one.json['contentBytes']).toBe(Buffer.from('two').toString('base64'));
    expect((await client.get(`${ANNA}/messages/${idIn(made)}/$value`)).text).toContain('filename=a.bin');
  });

  test('that make a request of more than 4 MB are 413', async () => {
    const made = await add('large');
    expect((await client.post(`${ANNA}/messages/${idIn(made)}/attachments`, file(Buffer.alloc(3.2 * MB)))).status).toBe(
      413,
    );
  });

  async function session(size: number): Promise<{ url: string; id: string; answer: Answer }> {
    const made = await add('session');
    const answer = await client.post(`${ANNA}/messages/${idIn(made)}/attachments/createUploadSession`, {
      AttachmentItem: { attachmentType: 'file', name: 'big.bin', size },
    });
    return { url: String(answer.json['uploadUrl']), id: idIn(made), answer };
  }
  const put = (url: string, bytes: Buffer, from: number, size: number, headers: Record<string, string> = {}) =>
    client.send(url, {
      method: 'PUT',
      token: null,
      body: bytes,
      headers: { 'content-range': `bytes ${from}-${from + bytes.length - 1}/${size}`, ...headers },
    });

  test('of 3 MB and more come in ranges in order, without a token', async () => {
    const whole = Buffer.alloc(5 * MB, 7);
    const { url, id, answer } = await session(whole.length);
    expect(answer).toMatchObject({ status: 201, json: { nextExpectedRanges: ['0-'] } });
    const first = whole.subarray(0, 3 * MB);
    expect(await put(url, first, 0, whole.length, { authorization: `Bearer ${client.token}` })).toMatchObject({
      status: 401,
    });
    expect((await put(url, whole.subarray(3 * MB), 3 * MB, whole.length)).status).toBe(416);
    expect(await put(url, first, 0, whole.length)).toMatchObject({
      status: 200,
      json: { nextExpectedRanges: [`${3 * MB}-`] },
    });
    expect((await put(url, first, 0, whole.length)).status).toBe(416);
    expect((await client.send(url, { token: null })).json).toMatchObject({ nextExpectedRanges: [`${3 * MB}-`] });
    const last = await put(url, whole.subarray(3 * MB), 3 * MB, whole.length);
    expect(last.status).toBe(201);
    expect(last.headers.get('location')).toContain('/attachments/');
    const { rows } = await client.get(`${ANNA}/messages/${id}/attachments`);
    expect(Buffer.from(String(rows[0]?.['contentBytes']), 'base64').equals(whole)).toBe(true);
    expect((await client.send(url, { token: null })).status).toBe(404);
  });

  test('by a session: not below 3 MB, no range over 4 MB, no range that does not fit', async () => {
    expect((await session(3 * MB - 1)).answer.code).toBe('ErrorAttachmentSizeShouldNotBeLessThanMinimumSize');
    const { url } = await session(6 * MB);
    expect((await put(url, Buffer.alloc(4 * MB + 1), 0, 6 * MB)).status).toBe(413);
    expect((await put(url, Buffer.alloc(10), 0, 7 * MB)).status).toBe(400);
  });

  test('of a message that is no draft may count as sensitive: unknown', async () => {
    client.tenant.access.register({ clientId: 'plain', secrets: ['s'], roles: ['Mail.ReadWrite'] });
    const token = await client.getToken({ client_id: 'plain', client_secret: 's' });
    const path = `${ANNA}/messages/${idIn(await add('sensitive'))}/attachments`;
    const attach = () => client.send(path, { method: 'POST', token, body: file(Buffer.from('x')) });
    client.tenant.graph.sensitiveFrom = new Date(0);
    expect((await attach()).status).toBe(201);
    client.tenant.graph.attachmentsAreSensitive = true;
    expect((await attach()).status).toBe(403);
    client.tenant.graph.attachmentsAreSensitive = false;
  });
});

describe('§3: a batch', () => {
  const batch = (requests: readonly object[]) => client.post('v1.0/$batch', { requests });
  const responses = ({ json }: Answer): Json[] => json['responses'] as unknown as Json[];
  const create = (id: string, more: object = {}) => ({
    id,
    method: 'POST',
    url: `/users/anna@${DOMAIN}/mailFolders/inbox/messages`,
    headers: { 'Content-Type': 'application/json' },
    body: { subject: id, ...nonDraft },
    ...more,
  });

  test('takes twenty and not one more', async () => {
    const twenty = Array.from({ length: 20 }, (_one, at) => create(`b${at}`));
    expect(responses(await batch(twenty)).map((one) => one['status'])).toEqual(twenty.map(() => 201));
    expect((await batch([...twenty, create('b20')])).status).toBe(400);
  });

  test('is refused with two of one id, with a dependency on what comes later, and inside another', async () => {
    expect((await batch([create('a'), create('a')])).status).toBe(400);
    expect((await batch([create('a', { dependsOn: ['b'] }), create('b')])).status).toBe(400);
    expect((await batch([{ id: 'a', method: 'POST', url: '/$batch', body: {} }])).status).toBe(400);
  });

  test('answers 200 around a 429, and 424 to what depends on it', async () => {
    client.tenant.fault = ({ name, body }) =>
      name.endsWith('/messages') && body.includes('slow')
        ? { status: 429, headers: { 'retry-after': '2.128' }, body: { error: { code: 'ApplicationThrottled' } } }
        : null;
    const before = inbox().length;
    const answer = await batch([create('fine'), create('slow'), create('after', { dependsOn: ['slow'] })]);
    expect(answer.status).toBe(200);
    const byId = new Map(responses(answer).map((one) => [String(one['id']), one]));
    expect(byId.get('fine')).toMatchObject({ status: 201 });
    expect(byId.get('slow')).toMatchObject({ status: 429, headers: { 'retry-after': '2.128' } });
    expect(byId.get('after')).toMatchObject({ status: 424 });
    expect(inbox().length).toBe(before + 1);
  });

  test('carries MIME in base64url', async () => {
    const mime = Buffer.from('Subject: by batch\r\n\r\nx\r\n').toString('base64');
    const entry = {
      id: '1',
      method: 'POST',
      url: `/users/anna@${DOMAIN}/messages`,
      headers: { 'Content-Type': 'text/plain' },
      body: Buffer.from(mime).toString('base64url'),
    };
    const [made] = responses(await batch([entry]));
    expect(made).toMatchObject({ status: 201, body: { subject: 'by batch', isDraft: true } });
    const id = encodeURIComponent(String(made?.['body']?.['id']));
    const [value] = responses(
      await batch([{ id: '1', method: 'GET', url: `/users/anna@${DOMAIN}/messages/${id}/$value` }]),
    );
    expect(Buffer.from(String(value?.['body']), 'base64url').toString()).toContain('Subject: by batch');
  });

  test('runs four of one mailbox at once, so that it does not throttle itself', async () => {
    client.tenant.graph.latencyMs = 5;
    const before = client.tenant.throttle.refused;
    await batch(Array.from({ length: 8 }, (_one, at) => create(`c${at}`)));
    expect(client.tenant.throttle.refused).toBe(before);
  });
});

describe('§3: the limits of an application and a mailbox', () => {
  test('a fifth call at once is refused with a fractional Retry-After; another mailbox and application are not', async () => {
    client.tenant.graph.latencyMs = 150;
    client.tenant.access.register({ clientId: 'second', secrets: ['s'] });
    const second = await client.getToken({ client_id: 'second', client_secret: 's' });
    const look = (name: string, token = client.token) =>
      client.send(`v1.0/users/${name}@${DOMAIN}/mailFolders/inbox`, { token });
    const answers = await Promise.all([
      ...Array.from({ length: 5 }, () => look('anna')),
      look('bert'),
      look('anna', second),
    ]);
    const statuses = answers.map(({ status }) => status);
    expect(statuses.slice(0, 5).toSorted()).toEqual([200, 200, 200, 200, 429]);
    expect(statuses.slice(5)).toEqual([200, 200]);
    const refused = answers.find(({ status }) => status === 429);
    expect(refused?.text).toContain('Application is over its MailboxConcurrency limit.');
    expect(refused?.headers.get('retry-after')).toBe('2.128');
  });

  test('too many in ten minutes are refused until the window has passed', async () => {
    const tenant = await startTenant();
    const { limits } = tenant.tenant.graph;
    Object.assign(limits, { requests: 3 });
    const look = () => tenant.get(`${ANNA}/mailFolders/inbox`);
    for (let n = 0; n < 3; n += 1) expect((await look()).status).toBe(200);
    const refused = await look();
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(590);
    tenant.tenant.advance(600_000);
    expect((await look()).status).toBe(200);
    await tenant.close();
  });

  test('150 MB in five minutes: uploads are refused, reading is not', async () => {
    const tenant = await startTenant();
    Object.assign(tenant.tenant.graph.limits, { uploadBytes: 1_000 });
    const make = () =>
      tenant.post(`${ANNA}/messages`, { subject: 'x', body: { contentType: 'text', content: 'x'.repeat(600) } });
    expect((await make()).status).toBe(201);
    expect((await make()).status).toBe(429);
    expect((await tenant.get(`${ANNA}/messages`)).status).toBe(200);
    tenant.tenant.advance(300_000);
    expect((await make()).status).toBe(201);
    await tenant.close();
  });
});

describe('§1.6: a mailbox', () => {
  test('takes no message over its limit, of whatever the attachments make it', async () => {
    const mailbox = client.tenant.state.findMailbox(`anna@${DOMAIN}`);
    const before = mailbox?.maxReceiveBytes ?? 0;
    const made = await add('limit');
    Object.assign(mailbox ?? {}, { maxReceiveBytes: 2_000 });
    const attachment = {
      '@odata.type': '#microsoft.graph.fileAttachment',
      name: 'a',
      contentBytes: Buffer.alloc(2_000).toString('base64'),
    };
    const answer = await client.post(`${ANNA}/messages/${idIn(made)}/attachments`, attachment);
    const whole = await client.post(`${ANNA}/mailFolders/inbox/messages`, { attachments: [attachment] });
    Object.assign(mailbox ?? {}, { maxReceiveBytes: before });
    expect([answer, whole]).toMatchObject([1, 2].map(() => ({ status: 413, code: 'ErrorMessageSizeExceeded' })));
    expect((await client.get(`${ANNA}/messages/${idIn(made)}/attachments`)).rows).toEqual([]);
  });

  test('that is full takes none', async () => {
    client.tenant.graph.quotaBytes = client.tenant.store.findAccount(`anna@${DOMAIN}`)?.usedBytes ?? 0;
    const answer = await add('full');
    client.tenant.graph.quotaBytes = null;
    expect(answer).toMatchObject({ status: 507, code: 'ErrorQuotaExceeded' });
  });
});

describe('§9.6: rights', () => {
  test('an application sees the mailboxes of its scope and no other', async () => {
    const mailboxes = [`anna@${DOMAIN}`];
    client.tenant.access.register({ clientId: 'scoped', secrets: ['s'], mailboxes });
    const token = await client.getToken({ client_id: 'scoped', client_secret: 's' });
    expect((await client.send(`${ANNA}/messages`, { token })).status).toBe(200);
    expect(await client.send(`v1.0/users/bert@${DOMAIN}/messages`, { token })).toMatchObject({
      status: 403,
      code: 'ErrorAccessDenied',
    });
  });

  test('reading does not write, and other roles do neither', async () => {
    client.tenant.access.register({ clientId: 'reader', secrets: ['s'], roles: ['Mail.Read'] });
    client.tenant.access.register({ clientId: 'users', secrets: ['s'], roles: ['User.ReadWrite.All'] });
    const status = async (client_id: string, method: string) => {
      const token = await client.getToken({ client_id, client_secret: 's' });
      return (await client.send(`${ANNA}/messages`, { token, method, ...(method === 'POST' && { body: {} }) })).status;
    };
    expect([await status('reader', 'GET'), await status('reader', 'POST')]).toEqual([200, 403]);
    expect([await status('users', 'GET'), await status('users', 'POST')]).toEqual([403, 403]);
  });
});

describe('§6.1: a mailbox that is not there yet', () => {
  test('is 404 MailboxNotEnabledForRESTAPI, a user that is not there ErrorInvalidUser', async () => {
    client.tenant.state.mailboxes.delete(`bert@${DOMAIN}`);
    expect(await client.get(`v1.0/users/bert@${DOMAIN}/mailFolders/inbox`)).toMatchObject({
      status: 404,
      code: 'MailboxNotEnabledForRESTAPI',
    });
    expect(await client.get('v1.0/users/nobody@harbour.test/mailFolders/inbox')).toMatchObject({
      status: 404,
      code: 'ErrorInvalidUser',
    });
  });
});

describe('§8: an answer that lies', () => {
  const CREATE = 'POST /v1.0/users/{id}/mailFolders/{id}/messages';
  const faults: [string, Fault, number, number][] = [
    ['503 before the effect', { status: 503 }, 503, 0],
    ['504 after the effect', { status: 504, afterEffect: true }, 504, 1],
    ['503 after the effect', { status: 503, afterEffect: true, headers: { 'retry-after': '0.5' } }, 503, 1],
    ['a late answer', { delayMs: 20 }, 201, 1],
  ];
  test.each(faults)('%s', async (_case, fault, status, made) => {
    let fired = 0;
    client.tenant.fault = ({ name }) => {
      if (name !== CREATE) return null;
      fired += 1;
      return fault;
    };
    const before = inbox().length;
    expect((await add('fault')).status).toBe(status);
    expect(fired).toBe(1);
    expect(inbox().length).toBe(before + made);
  });

  test('a connection that is cut after the effect', async () => {
    client.tenant.fault = ({ name }) => (name === CREATE ? { drop: true, afterEffect: true } : null);
    const before = inbox().length;
    await expect(add('cut')).rejects.toThrow();
    expect(inbox().length).toBe(before + 1);
  });
});
