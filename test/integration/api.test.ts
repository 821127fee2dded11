import type { PayloadCodec } from '@temporalio/common';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startRelay } from '../../api/relay.ts';
import { ERRORS, MigrationError } from '../../domain/errors.ts';
import { type ApiWorld, examplePlan, newApiWorld, TOKEN } from '../support/api-world.ts';

let world: ApiWorld;
beforeEach(async () => {
  world = await newApiWorld();
});
afterEach(() => world.app.close());

type Method = 'GET' | 'POST' | 'PUT';
const bearer = { authorization: `Bearer ${TOKEN}` };

async function call(method: Method, url: string, body?: unknown, headers: Record<string, string> = bearer) {
  const response = await world.app.inject({
    method,
    url,
    headers,
    ...(body !== undefined && { payload: body as object }),
  });
  const json = response.headers['content-type']?.includes('json') ? response.json() : null;
  return { status: response.statusCode, body: json, headers: response.headers, text: response.body };
}

async function create(key = 'key-of-the-test', body: object = examplePlan) {
  return call('POST', '/v1/migrations', body, { ...bearer, 'idempotency-key': key });
}

async function started(): Promise<string> {
  const { body } = await create();
  await call('POST', `/v1/migrations/${body.id}/start`);
  return body.id;
}

describe('access, for every route that OpenAPI shows', () => {
  test('anonymous callers and wrong tokens get 401, and only public routes answer', async () => {
    const { body: document } = await call('GET', '/openapi.json', undefined, {});
    expect(document.openapi).toMatch(/^3\.1/);
    const rows: string[] = [];
    for (const [path, methods] of Object.entries<Record<string, { security?: object[] }>>(document.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        const url = path.replaceAll(/\{\w+\}/g, 'THROTTLED');
        const security = JSON.stringify(operation.security ?? []);
        const ask = (authorization?: string) =>
          call(
            method.toUpperCase() as Method,
            url,
            method === 'get' ? undefined : {},
            authorization ? { authorization } : {},
          );
        const answers = [
          await ask(),
          await ask('Bearer wrong-token-wrong-token'),
          await ask(`Link ${'a'.repeat(43)}`),
          await ask('Bearer'),
        ];
        rows.push(`${method} ${path} ${security} ${answers.map((answer) => answer.status).join(' ')}`);
      }
    }
    const expected: Record<string, RegExp> = {
      '[]': /^(200|503|404)/,
      '[{"operator":[]}]': /401 401 401 401$/,
      '[{"link":[]}]': /401 401 404 401$/,
    };
    expect(rows.length).toBeGreaterThan(25);
    for (const row of rows) {
      const [, , security = ''] = row.split(' ');
      expect(row.slice(row.indexOf(security) + security.length).trim()).toMatch(
        expected[security] ?? /^no such security/,
      );
    }
    const open = rows.filter((row) => row.includes(' [] ')).map((row) => row.split(' [] ')[0]);
    expect(open).toEqual(['get /healthz', 'get /readyz', 'get /problems/{code}']);
  });

  test("a route that forgot to say who may call it is the operator's", async () => {
    world.app.get('/forgotten', async () => 'secret');
    expect((await call('GET', '/forgotten', undefined, {})).status).toBe(401);
    expect((await call('GET', '/forgotten')).text).toBe('secret');
  });

  test('a path that does not exist is 404 with a problem, with or without a token', async () => {
    for (const headers of [{}, bearer]) {
      const answer = await call('GET', '/v1/nothing', undefined, headers);
      expect(answer.status).toBe(404);
      expect(answer.body.code).toBe('NOT_FOUND');
    }
  });
});

describe('problems', () => {
  test('carry type, code, remedy and request id as RFC 9457 says', async () => {
    const answer = await call('GET', '/v1/migrations/mig_none', undefined, {
      ...bearer,
      'x-request-id': 'my-request-1',
    });
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(answer.headers['x-request-id']).toBe('my-request-1');
    expect(answer.body).toEqual({
      type: 'https://mailferry.example/problems/NOT_FOUND',
      title: 'Not Found',
      status: 404,
      detail: 'There is no migration mig_none.',
      code: 'NOT_FOUND',
      remedy: ERRORS.NOT_FOUND.remedy,
      requestId: 'my-request-1',
    });
  });

  test('name the fields that are wrong by JSON pointer, and a broken body', async () => {
    const id = await started();
    const answer = await call('PUT', `/v1/migrations/${id}/cutover-date`, { at: 'tomorrow' });
    expect(answer.status).toBe(400);
    expect(answer.body.errors).toEqual([{ pointer: '/at', detail: expect.any(String) }]);
    const broken = await world.app.inject({
      method: 'POST',
      url: `/v1/migrations/${id}/pause`,
      headers: { ...bearer, 'content-type': 'application/json' },
      payload: '{',
    });
    expect([broken.statusCode, broken.json().code]).toEqual([400, 'REQUEST_INVALID']);
  });

  test('tell nothing of a fault of ours but the request id', async () => {
    world.migrations.getMigration = async () => {
      throw new Error('password=hunter2 at /srv/app.ts');
    };
    const answer = await call('GET', '/v1/migrations/mig_x');
    expect([answer.status, answer.body.code]).toEqual([500, 'INTERNAL']);
    expect(answer.text).not.toMatch(/hunter2|srv/);
  });

  test('a type is a page that can be read', async () => {
    expect((await call('GET', '/problems/THROTTLED', undefined, {})).body.remedy).toBe(ERRORS.THROTTLED.remedy);
  });
});

describe('creating a migration', () => {
  test('stores a draft once for one key, and answers the same again', async () => {
    const first = await create();
    const second = await create();
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.body.id).toBe(first.body.id);
    expect(first.body).toMatchObject({ id: expect.stringMatching(/^mig_[0-9a-f]{24}$/), view: { status: 'draft' } });
    expect((await call('GET', '/v1/migrations')).body.migrations).toHaveLength(1);
  });

  test('refuses the key for another body, and the request without a key', async () => {
    await create();
    const other = await create('key-of-the-test', { ...examplePlan, plan: `${examplePlan.plan}\n# more` });
    expect([other.status, other.body.code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);
    expect((await call('POST', '/v1/migrations', examplePlan)).status).toBe(400);
  });

  test('names every fault of the plan with its place, and frees the key', async () => {
    const bad = await create('key-of-the-test', {
      ...examplePlan,
      plan: examplePlan.plan.replace('security: tls', 'security: tsl'),
    });
    expect([bad.status, bad.body.code]).toEqual([422, 'PLAN_INVALID']);
    expect(bad.body.errors).toEqual([
      { detail: expect.stringContaining('source.security'), file: 'plan.yaml', line: 18, column: 13 },
    ]);
    expect((await create()).status).toBe(201);
  });

  test('refuses a target mailbox of another migration that has not ended', async () => {
    await create();
    expect((await create('another-key-entirely')).body.code).toBe('CONFLICT');
  });

  test('a cancelled draft frees its mailboxes', async () => {
    const { body } = await create();
    expect((await call('POST', `/v1/migrations/${body.id}/cancel`, { reason: 'wrong host' })).status).toBe(202);
    expect((await create('another-key-entirely')).status).toBe(201);
    expect((await call('POST', `/v1/migrations/${body.id}/start`)).body.code).toBe('NOT_NOW');
  });
});

describe('commands', () => {
  test('become updates that carry the operator, and are written into the audit log', async () => {
    const id = await started();
    expect((await call('POST', `/v1/migrations/${id}/pause`, { reason: 'storm' })).body).toEqual({
      message: 'pause is done.',
    });
    expect(world.workflows.updates).toMatchObject([
      { migrationId: id, name: 'pause', args: { by: 'op_1', reason: 'storm' } },
    ]);
    const { body } = await call('GET', `/v1/migrations/${id}/audit`);
    expect(body.entries.map((one: { action: string }) => one.action)).toEqual([
      'create-migration',
      'start-migration',
      'pause',
    ]);
    expect((await call('GET', '/v1/audit/verification')).body).toEqual({ intact: true, firstBreak: null });
  });

  test("a refusal is NOT_NOW with the workflow's own words", async () => {
    const id = await started();
    world.workflows.refusal = new MigrationError('NOT_NOW', 'the migration is paused already');
    const answer = await call('POST', `/v1/migrations/${id}/pause`, { reason: 'storm' });
    expect([answer.status, answer.body.code, answer.body.detail]).toEqual([
      409,
      'NOT_NOW',
      'the migration is paused already',
    ]);
  });

  test('say that a draft was not started, where it matters', async () => {
    const { body } = await create();
    const answer = await call('POST', `/v1/migrations/${body.id}/pause`, { reason: 'storm' });
    expect([answer.status, answer.body.detail]).toEqual([409, 'The migration has not been started.']);
    const at = '2027-02-01T20:00:00Z';
    expect((await call('PUT', `/v1/migrations/${body.id}/cutover-date`, { at })).status).toBe(202);
    expect((await world.migrations.getMigration(body.id)).plan.cutover.at).toBe(at);
  });

  test('a cutover that is too near is refused with the earliest moment', async () => {
    const id = await started();
    const answer = await call('PUT', `/v1/migrations/${id}/cutover-date`, { at: '2026-12-01T08:30:00Z' });
    expect(answer.body.detail).toContain('2026-12-01T09:00:00.000Z');
    expect(world.workflows.updates).toEqual([]);
  });

  test('added mailboxes are stored once for one key, and taken back when the workflow refuses', async () => {
    const id = await started();
    const add = (key: string, mailboxes: string) =>
      call('POST', `/v1/migrations/${id}/mailboxes`, { mailboxes }, { ...bearer, 'idempotency-key': key });
    const row = (name: string) => `address,source secret,target secret\n${name}@example.org,env:A,env:B\n`;
    const first = await add('add-key-number-1', row('carl'));
    expect([first.status, first.body.mailboxIds]).toEqual([202, [expect.any(String)]]);
    expect((await add('add-key-number-1', row('carl'))).body).toEqual(first.body);
    expect(world.workflows.updates).toHaveLength(1);
    expect((await add('add-key-number-2', row('anna'))).body.code).toBe('CONFLICT');
    world.workflows.refusal = new MigrationError('NOT_NOW', 'too late');
    expect((await add('add-key-number-3', row('dora'))).body.detail).toBe('too late');
    const { body } = await call('GET', `/v1/migrations/${id}/mailboxes`);
    expect(body.mailboxes.map((one: { status: string }) => one.status)).toEqual([
      'listed',
      'listed',
      'listed',
      'dropped',
    ]);
  });

  test('a mailbox of another migration cannot be named', async () => {
    const id = await started();
    const mailboxes = 'address,source secret,target secret\nzoe@example.org,env:A,env:B\n';
    const { body: other } = await create('of-another-migration', { ...examplePlan, mailboxes });
    const { body: list } = await call('GET', `/v1/migrations/${other.id}/mailboxes`);
    for (const mailboxId of ['mbx_none', list.mailboxes[0].id]) {
      const answer = await call('POST', `/v1/migrations/${id}/mailboxes/drop`, { mailboxIds: [mailboxId] });
      expect(answer.status).toBe(404);
    }
  });

  test('Temporal away is 503 with Retry-After, and the key may be used again', async () => {
    const id = await started();
    world.workflows.down = true;
    const answer = await call('POST', `/v1/migrations/${id}/resume`);
    expect([answer.status, answer.body.code, answer.headers['retry-after']]).toEqual([
      503,
      'TEMPORAL_UNAVAILABLE',
      '5',
    ]);
  });

  test('an issue of missing mail blocks the data gate until it is settled', async () => {
    const id = await started();
    const report = await call(
      'POST',
      `/v1/migrations/${id}/issues`,
      { kind: 'missing-mail', text: 'The folder Rechnungen is empty.' },
      { ...bearer, 'idempotency-key': 'issue-key-1' },
    );
    expect(report.status).toBe(201);
    const { issueId } = report.body;
    await call('POST', `/v1/migrations/${id}/issues/${issueId}/settlement`, {
      outcome: 'resolved',
      note: 'copied again',
    });
    expect(world.workflows.updates.map(({ name, args }) => [name, args])).toEqual([
      ['reportIssue', { by: 'op_1', issueId, blocksData: true }],
      ['settleIssue', { by: 'op_1', issueId }],
    ]);
  });
});

describe('a contact decides', () => {
  const evidence = { gate: 'cutover', mailboxes: [{ address: 'anna@example.org', source: 3, copied: 3 }] };

  async function openGate(): Promise<{ id: string; gateId: string; digest: string; link: Record<string, string> }> {
    const id = await started();
    const { gateId, digest } = await world.approvals.openGate({
      migrationId: id,
      gate: 'cutover',
      evidence,
      publicUrl: 'https://mailferry.example',
    });
    return { id, gateId, digest, link: { authorization: `Link ${/#(\S+)/.exec(lastMail().text)?.[1]}` } };
  }
  function lastMail(): { to: string; text: string } {
    const entry = world.outbox.entries.findLast((row) => row.entry.kind === 'mail')?.entry;
    if (entry?.kind !== 'mail') throw new Error('no mail was written');
    return entry.mail;
  }
  async function code(link: Record<string, string>): Promise<string> {
    expect((await call('POST', '/v1/link/challenge', undefined, link)).status).toBe(202);
    return /\d{6}/.exec(lastMail().text)?.[0] ?? '';
  }

  test('sees the evidence, asks for a code at the second address, and approves', async () => {
    const { gateId, digest, link } = await openGate();
    const question = await call('GET', '/v1/link', undefined, link);
    expect(question.body).toMatchObject({
      kind: 'gate',
      organisation: 'Example Organisation',
      contact: 'Ada Example',
      state: 'open',
      digest,
      evidence,
    });
    const typed = await code(link);
    expect(lastMail().to).toBe('ada.codes@elsewhere.example');
    const answer = await call('POST', '/v1/link/decision', { verdict: 'approve', digest, code: typed }, link);
    expect(answer.body).toMatchObject({ verdict: 'approve', party: 'client', personId: 'ada', gateId });
    expect((await call('GET', '/v1/link', undefined, link)).body.state).toBe('decided');
    expect(world.nudges.count).toBe(2);
  });

  test('is refused with a wrong code, another digest, or a rejection without a reason', async () => {
    const { digest, link } = await openGate();
    const typed = await code(link);
    const decide = (body: object) => call('POST', '/v1/link/decision', body, link);
    const wrong = typed === '000000' ? '000001' : '000000';
    expect((await decide({ verdict: 'approve', digest, code: wrong })).body.code).toBe('CODE_WRONG');
    expect((await decide({ verdict: 'approve', digest: 'other', code: typed })).body.code).toBe('EVIDENCE_CHANGED');
    expect((await decide({ verdict: 'reject', comment: 'no', digest, code: typed })).body.code).toBe('REQUEST_INVALID');
    expect((await decide({ verdict: 'acknowledge', digest, code: typed })).body.code).toBe('REQUEST_INVALID');
    expect(world.outbox.entries.filter((row) => row.entry.kind === 'signal')).toEqual([]);
  });

  test('a thousand looks change nothing', async () => {
    const { gateId, link } = await openGate();
    const before = await world.approvals.getGate(gateId);
    for (let i = 0; i < 1000; i++) await world.app.inject({ method: 'GET', url: '/v1/link', headers: link });
    expect(await world.approvals.getGate(gateId)).toEqual(before);
  });

  test('a link of superseded evidence says so', async () => {
    const { id, link } = await openGate();
    await world.approvals.openGate({ migrationId: id, gate: 'cutover', evidence: { other: 1 }, publicUrl: '' });
    expect((await call('GET', '/v1/link', undefined, link)).body.code).toBe('GATE_NOT_OPEN');
  });

  test('acknowledges a step by its own link, in the words of the request', async () => {
    const id = await started();
    await world.approvals.requestAcknowledgement({ migrationId: id, step: 'B2', text: 'x', publicUrl: '' });
    const link = { authorization: `Link ${/#(\S+)/.exec(lastMail().text)?.[1]}` };
    const question = await call('GET', '/v1/link', undefined, link);
    expect(question.body).toMatchObject({ kind: 'acknowledgement', step: 'B2', state: 'open', digest: null });
    expect(question.body.text).toContain('IMAP carries mail only');
    const typed = await code(link);
    expect((await call('POST', '/v1/link/decision', { verdict: 'approve', code: typed }, link)).status).toBe(400);
    const answer = await call('POST', '/v1/link/decision', { verdict: 'acknowledge', code: typed }, link);
    expect(answer.body).toMatchObject({ verdict: 'acknowledge', step: 'B2', gateId: null });
    expect((await call('GET', '/v1/link', undefined, link)).body.state).toBe('decided');
  });

  test('the operator decides the second seat with the token', async () => {
    const { gateId, digest } = await openGate();
    const answer = await call('POST', `/v1/gates/${gateId}/decision`, { verdict: 'approve', digest });
    expect(answer.body).toMatchObject({ party: 'operator', personId: 'op_1' });
    const opposite = await call('POST', `/v1/gates/${gateId}/decision`, {
      verdict: 'reject',
      digest,
      comment: 'second thoughts',
    });
    expect(opposite.body.code).toBe('CONFLICT');
  });

  describe('and the relay', () => {
    const quiet = { info: () => undefined, warn: () => undefined };
    const settled = (kind: 'signal' | 'mail') =>
      world.outbox.entries.filter((row) => row.entry.kind === kind).map((row) => row.state);

    test('carries the decision to the workflow and the mails to people, over an outage of both', async () => {
      const { gateId, digest } = await openGate();
      await call('POST', `/v1/gates/${gateId}/decision`, { verdict: 'approve', digest });
      const sent: string[] = [];
      let outages = 2;
      const outbox = {
        ...world.outbox,
        takeDue: async (limit: number, leaseMs: number) => {
          if (outages-- > 0) throw new Error('connection refused');
          return world.outbox.takeDue(limit, leaseMs);
        },
      };
      world.workflows.down = true;
      const relay = startRelay({
        outbox,
        workflows: world.workflows,
        notifier: { send: async ({ id }) => void sent.push(id) },
        log: quiet,
        everyMs: 1,
      });
      await expect.poll(() => settled('mail')).toEqual(['delivered']);
      await expect.poll(() => world.workflows.calls).toContain('signalDecision');
      expect(settled('signal')).toEqual(['due']);
      world.workflows.down = false;
      world.clock.at += 120_000;
      await expect.poll(() => settled('signal')).toEqual(['delivered']);
      await relay.stop();
      expect(sent).toHaveLength(1);
    });

    test('does not let a mail server that hangs hold up a decision', async () => {
      const { gateId, digest } = await openGate();
      await call('POST', `/v1/gates/${gateId}/decision`, { verdict: 'approve', digest });
      const notifier = {
        send: (_mail: unknown, signal: AbortSignal) =>
          new Promise<void>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      };
      const relay = startRelay({ outbox: world.outbox, workflows: world.workflows, notifier, log: quiet, everyMs: 1 });
      await expect.poll(() => settled('signal')).toEqual(['delivered']);
      expect(settled('mail')).toEqual(['due']);
      await relay.stop();
    });

    test('keeps the order of decisions when one of them fails at first', async () => {
      const { id, gateId, digest } = await openGate();
      await call('POST', `/v1/gates/${gateId}/decision`, { verdict: 'approve', digest });
      await world.approvals.openGate({ migrationId: id, gate: 'completion', evidence: {}, publicUrl: '' });
      const { body } = await call('GET', `/v1/migrations/${id}/gates`);
      const { id: second, digest: secondDigest } = body.gates[1];
      await call('POST', `/v1/gates/${second}/decision`, { verdict: 'approve', digest: secondDigest });
      const arrived: (string | null)[] = [];
      let failures = 1;
      const workflows = {
        signalDecision: async (_id: string, payload: { gate: string | null }) => {
          if (failures-- > 0) throw new MigrationError('TEMPORAL_UNAVAILABLE', 'away');
          arrived.push(payload.gate);
        },
      };
      const relay = startRelay({
        outbox: world.outbox,
        workflows,
        notifier: { send: async () => undefined },
        log: quiet,
        everyMs: 1,
      });
      await expect
        .poll(() => {
          world.clock.at += 1_000;
          return settled('signal');
        })
        .toEqual(['delivered', 'delivered']);
      await relay.stop();
      expect(arrived).toEqual(['cutover', 'completion']);
    });

    test('gives a signal up whose workflow has ended, and keeps it for the report', async () => {
      const { id, gateId, digest } = await openGate();
      await call('POST', `/v1/gates/${gateId}/decision`, { verdict: 'approve', digest });
      world.workflows.running.delete(id);
      const relay = startRelay({
        outbox: world.outbox,
        workflows: world.workflows,
        notifier: { send: async () => undefined },
        log: quiet,
        everyMs: 1,
      });
      await expect.poll(() => settled('signal')).toEqual(['dead']);
      await relay.stop();
    });
  });
});

describe('the report', () => {
  test('has the same numbers as JSON, CSV and HTML, and names from strangers are inert', async () => {
    const { body: created } = await create('key-of-the-test', {
      ...examplePlan,
      plan: examplePlan.plan.replace('name: Example Organisation', 'name: Example <b>Organisation'),
      mailboxes: examplePlan.mailboxes.replace('Bert Beispiel', '=cmd|x <b>'),
    });
    const url = `/v1/migrations/${created.id}/report`;
    const json = await call('GET', url);
    expect(json.body.total).toMatchObject({ source: 0, lost: 0, doubled: 0 });
    expect(json.body.mailboxes).toHaveLength(2);
    const csv = await call('GET', `${url}?format=csv`);
    expect(csv.text).toContain("bert@example.org,'=cmd|x <b>,listed");
    expect(csv.text.split('\r\n')).toHaveLength(4);
    const html = await call('GET', `${url}?format=html`);
    expect(html.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(html.text).toContain('bert@example.org');
    expect(html.text).toContain('Migration of Example &lt;b&gt;Organisation');
    expect(html.text).not.toMatch(/<b>/);
  });
});

describe('health', () => {
  test('readiness needs database and Temporal, and does not wait for either for long', async () => {
    expect((await call('GET', '/readyz', undefined, {})).body).toEqual({ ready: true, database: true, temporal: true });
    world.workflows.down = true;
    expect(await call('GET', '/readyz', undefined, {})).toMatchObject({ status: 503, body: { temporal: false } });
    await world.app.close();
    world = await newApiWorld({ checkDatabase: () => new Promise(() => undefined) });
    const begin = performance.now();
    expect((await call('GET', '/readyz', undefined, {})).body).toEqual({
      ready: false,
      database: false,
      temporal: true,
    });
    expect(performance.now() - begin).toBeLessThan(3_000);
    expect((await call('GET', '/healthz', undefined, {})).status).toBe(200);
  });
});

describe('the codec of the Temporal UI', () => {
  const codec: PayloadCodec = {
    encode: async (payloads) => payloads,
    decode: async (payloads) =>
      payloads.map((one) => ({ ...one, data: Buffer.from(`open:${Buffer.from(one.data ?? []).toString()}`) })),
  };
  const capability = 'c'.repeat(40);
  const uiOrigin = 'http://127.0.0.1:8233';
  const payloads = [{ metadata: { encoding: 'eA==' }, data: Buffer.from('x').toString('base64') }];
  const post = (secret: string, headers: Record<string, string>) =>
    call('POST', `/codec/${secret}/decode`, { payloads }, headers);

  test('decodes for the page of the UI that knows the capability, and for nobody else', async () => {
    await world.app.close();
    world = await newApiWorld({ codec: { codec, capability, uiOrigin } });
    const good = await post(capability, { origin: uiOrigin });
    expect(good.headers['access-control-allow-origin']).toBe(uiOrigin);
    expect(Buffer.from(good.body.payloads[0].data, 'base64').toString()).toBe('open:x');
    expect((await post('d'.repeat(40), { origin: uiOrigin })).status).toBe(404);
    const foreign = await post(capability, { origin: 'https://evil.example' });
    expect([foreign.status, foreign.headers['access-control-allow-origin']]).toEqual([404, undefined]);
  });
});

describe('the portal', () => {
  test('is served with headers that let nothing foreign in', async () => {
    const page = await call('GET', '/portal', undefined, {});
    expect(page.status).toBe(200);
    expect(page.headers).toMatchObject({
      'content-security-policy': expect.stringContaining("default-src 'none'"),
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-robots-tag': expect.stringContaining('noindex'),
    });
    expect(page.headers['content-security-policy']).not.toContain('unsafe-inline');
  });
});
