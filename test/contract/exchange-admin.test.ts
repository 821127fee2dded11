/** What every ExchangeAdmin promises, held against the lab's tenant over HTTPS; no other tenant was at hand. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createExchangeAdminConnector } from '../../adapters/exchange-admin/connector.ts';
import { ADD_ONS } from '../../domain/plan.ts';
import type { ExchangeAdmin, HostedTarget, WantedMailbox } from '../../domain/ports/exchange-admin.ts';
import { type Authority, createAuthority } from '../../lab/authority.ts';
import {
  type Fault,
  type HostedTenant,
  type HostedTenantOptions,
  startHostedTenant,
} from '../../lab/exchange/tenant.ts';

const signal = new AbortController().signal;
const anna: WantedMailbox = {
  address: 'Anna@example.test',
  displayName: "Anna O'Müller",
  aliases: ['info@example.test', 'a.mueller@example.test'],
  password: 'pass wörd 1',
};

const WANTED = { domain: 'example.test', smartHost: 'host:25', forwards: [], existing: 'stop' } as const;

let authority: Authority;
let folder = '';
let caFile = '';
let tenant: HostedTenant;
let nowMs = Date.now();
const secrets = { resolve: (ref: string) => Promise.resolve(ref === 'env:SECRET' ? 'lab-secret' : 'wrong') };

beforeAll(async () => {
  authority = await createAuthority();
  folder = await mkdtemp(join(tmpdir(), 'mailferry-tenant-'));
  caFile = join(folder, 'ca.pem');
  await writeFile(caFile, authority.caPem);
});
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(() => tenant.close());

async function open(
  options: Partial<HostedTenantOptions> = {},
  endpoint: Partial<HostedTarget['graph']> = {},
  timeoutMs = 5_000,
): Promise<ExchangeAdmin> {
  nowMs = Date.now();
  const now = () => nowMs;
  tenant = await startHostedTenant({ authority, domains: ['example.test'], readyAfterMs: 0, now, ...options });
  const { baseUrl, tokenUrl, tenantId, clientId } = tenant;
  const access = { baseUrl, tokenUrl, tenantId, clientId, clientSecret: 'env:SECRET', caFile, ...endpoint };
  const imap = { host: 'x', port: 1, security: 'tls', allowInsecure: false, caFile, maxConnections: 1 } as const;
  const smtp = { host: 'x', port: 25 };
  const connector = createExchangeAdminConnector({ secrets, timeoutMs, now });
  return connector.open({
    kind: 'hosted-exchange',
    imap,
    smtp,
    redirectTo: smtp,
    graph: access,
    exchangeAdmin: access,
  });
}

/** A new mailbox takes a moment; the adapter says so and the step is run again. */
async function ensureReady(admin: ExchangeAdmin, wanted: WantedMailbox) {
  return await vi.waitFor(() => admin.ensureMailbox(wanted, signal), { timeout: 5_000, interval: 10 });
}

/** Lets one kind of call go wrong, once. */
function failOnce(call: string, fault: Fault): { fired: () => boolean } {
  let fired = false;
  tenant.fault = ({ name }) => {
    if (fired || name !== call) return null;
    fired = true;
    return fault;
  };
  return { fired: () => fired };
}

const countOf = (call: string) => tenant.calls.filter((one) => one === call).length;

describe('a mailbox', () => {
  test('is made with licence and aliases, and read back', async () => {
    const made: string[] = [];
    const admin = await open({ onMailbox: ({ address, password }) => made.push(`${address} ${password}`) });
    await ensureReady(admin, anna);
    expect(await admin.findMailbox(anna.address, signal)).toEqual({
      address: 'anna@example.test',
      kind: 'user',
      displayName: "Anna O'Müller",
      aliases: ['a.mueller@example.test', 'info@example.test'],
      licences: ['ENTERPRISEPACK'],
      sendAs: [],
      addOns: ['activesync'],
      ready: true,
    });
    expect(made).toEqual(['anna@example.test pass wörd 1']);
    expect(tenant.state.resolve('INFO@example.test')).toEqual(['anna@example.test']);
  });

  test('made twice is made once', async () => {
    const admin = await open();
    expect(await admin.ensureMailbox({ ...anna, aliases: [] }, signal)).toBe('made');
    await ensureReady(admin, anna);
    const effects = () => tenant.calls.filter((call) => /^(POST \/v1|PATCH|Set|New|Add|Enable)/.test(call)).length;
    const before = effects();
    expect(await admin.ensureMailbox(anna, signal)).toBe('adopted');
    expect(effects()).toBe(before);
    expect(tenant.state.users.size).toBe(1);
  });

  test('is not ready until the tenant has made it', async () => {
    const admin = await open({ readyAfterMs: 600_000 });
    await expect(admin.ensureMailbox(anna, signal)).rejects.toMatchObject({ code: 'MAILBOX_NOT_READY' });
    expect(await admin.findMailbox(anna.address, signal)).toMatchObject({ ready: false, aliases: [] });
  });

  test('that nobody made is null', async () => {
    expect(await (await open()).findMailbox('nobody@example.test', signal)).toBeNull();
  });

  test('adopts a user without a licence and usage location', async () => {
    const admin = await open();
    await admin.ensureMailbox({ ...anna, aliases: [] }, signal);
    const user = tenant.state.findUser('anna@example.test');
    user?.licences.clear();
    if (user) user.usageLocation = null;
    tenant.state.mailboxes.clear();
    expect(await ensureReady(admin, { ...anna, aliases: [] })).toBe('made');
    expect(user?.usageLocation).toBe('DE');
  });

  test.each([
    ['an alias of another mailbox', { ...anna, address: 'info@example.test', aliases: [] }],
    ['a list', { ...anna, address: 'team@example.test', aliases: [] }],
    ['a Microsoft 365 group', { ...anna, address: 'club@example.test', aliases: [] }],
    ['a security group', { ...anna, address: 'guards@example.test', aliases: [] }],
    [
      'whose alias another has',
      { ...anna, address: 'bert@example.test', aliases: ['new@example.test', 'info@example.test'] },
    ],
  ])('on the address of %s is a conflict and touches nothing', async (_case, wanted) => {
    const admin = await open();
    await ensureReady(admin, anna);
    await admin.ensureList('team@example.test', [], signal);
    tenant.state.groups.push({ address: 'club@example.test', unified: true });
    tenant.state.groups.push({ address: 'guards@example.test', unified: false });
    const before = JSON.stringify([...tenant.state.users, ...tenant.state.mailboxes]);
    await expect(admin.ensureMailbox(wanted, signal)).rejects.toMatchObject({ code: 'PROVISIONING_CONFLICT' });
    expect(JSON.stringify([...tenant.state.users, ...tenant.state.mailboxes])).toBe(before);
  });

  test('of a blocked user is a conflict', async () => {
    const admin = await open();
    await ensureReady(admin, anna);
    const user = tenant.state.findUser('anna@example.test');
    if (user) user.accountEnabled = false;
    await expect(admin.ensureMailbox(anna, signal)).rejects.toMatchObject({ code: 'PROVISIONING_CONFLICT' });
  });

  test('without a free seat waits for a person, and goes on when there is one', async () => {
    const admin = await open({ seats: 1 });
    await ensureReady(admin, anna);
    const bert = { ...anna, address: 'bert@example.test', aliases: [] };
    await expect(admin.ensureMailbox(bert, signal)).rejects.toMatchObject({ code: 'SEATS_EXHAUSTED' });
    tenant.state.seats = 2;
    await admin.ensureMailbox(bert, signal);
    expect(tenant.state.seatsTaken).toBe(2);
  });

  test('in a foreign domain is refused', async () => {
    const admin = await open();
    await expect(
      admin.ensureMailbox({ ...anna, address: 'anna@example.org', aliases: [] }, signal),
    ).rejects.toMatchObject({
      code: 'TARGET_ADMIN_REFUSED',
      facts: { status: 400 },
    });
  });
});

describe('an answer that gets lost', () => {
  const lost: [string, Fault][] = [
    ['504 after the effect', { status: 504, afterEffect: true }],
    ['a cut connection after the effect', { drop: true, afterEffect: true }],
  ];
  const calls = ['POST /v1.0/users', 'Set-Mailbox'];

  test.each(calls.flatMap((call) => lost.map(([name, fault]) => [call, name, fault] as const)))(
    'of %s by %s: it is seen that it worked',
    async (call, _name, fault) => {
      const admin = await open();
      const { fired } = failOnce(call, fault);
      await ensureReady(admin, anna);
      expect(fired()).toBe(true);
      expect(countOf(call)).toBe(1);
      expect(await admin.findMailbox(anna.address, signal)).toMatchObject({ aliases: { length: 2 }, ready: true });
    },
  );

  test.each(lost)('of assignLicense by %s: no second seat', async (_name, fault) => {
    const admin = await open();
    await admin.ensureMailbox({ ...anna, aliases: [] }, signal); // gives the user its id
    const user = tenant.state.findUser('anna@example.test');
    user?.licences.clear();
    tenant.state.mailboxes.clear();
    const path = `POST /v1.0/users/${user?.id}/assignLicense`;
    const before = countOf(path);
    const { fired } = failOnce(path, fault);
    await admin.ensureMailbox({ ...anna, aliases: [] }, signal);
    expect(fired()).toBe(true);
    expect(countOf(path)).toBe(before + 1);
  });

  test.each(lost)('of a list and its member by %s: neither is doubled', async (_name, fault) => {
    const admin = await open();
    await ensureReady(admin, anna);
    for (const call of ['New-DistributionGroup', 'Add-DistributionGroupMember']) {
      const { fired } = failOnce(call, fault);
      await admin.ensureList(`${call}@example.test`, [anna.address], signal);
      expect(fired()).toBe(true);
      expect((await admin.findList(`${call}@example.test`, signal))?.members).toEqual(['anna@example.test']);
    }
  });

  test('without the effect is unknown, and the next attempt does it', async () => {
    const admin = await open();
    const { fired } = failOnce('POST /v1.0/users', { status: 503 });
    const wanted = { ...anna, aliases: [] };
    await expect(admin.ensureMailbox(wanted, signal)).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    expect(fired()).toBe(true);
    expect(tenant.state.users.size).toBe(0);
    expect(await admin.ensureMailbox(wanted, signal)).toBe('made');
  });

  test('because the server is silent ends after the time limit', async () => {
    const admin = await open({}, {}, 200);
    await admin.findMailbox('nobody@example.test', signal); // has a token, so that what hangs is the call itself
    tenant.fault = () => ({ hang: true });
    await expect(admin.findMailbox('nobody@example.test', signal)).rejects.toMatchObject({
      code: 'TARGET_ADMIN_UNREACHABLE',
      facts: { call: 'get user' },
    });
  });
});

describe('a list', () => {
  test('is made, gets the members that lack and keeps those of others', async () => {
    const admin = await open({ pageSize: 1 });
    for (const name of ['anna', 'bert', 'cleo']) {
      await ensureReady(admin, { ...anna, address: `${name}@example.test`, aliases: [] });
    }
    await vi.waitFor(() => expect(tenant.state.mailboxes.size).toBe(3));
    expect(await admin.ensureList('team@example.test', ['anna@example.test'], signal)).toBe('made');
    tenant.state.findList('team@example.test')?.members.push('cleo@example.test');
    expect(await admin.ensureList('Team@example.test', ['Bert@example.test', 'anna@example.test'], signal)).toBe(
      'adopted',
    );
    expect(await admin.findList('team@example.test', signal)).toEqual({
      address: 'team@example.test',
      members: ['anna@example.test', 'bert@example.test', 'cleo@example.test'],
      takesOutsiders: true,
    });
    expect(tenant.state.resolve('team@example.test')).toHaveLength(3);
    expect(tenant.state.findList('team@example.test')?.outsidersMayWrite).toBe(true);
    expect(countOf('Add-DistributionGroupMember')).toBe(2);
  });

  test('that nobody made is null', async () => {
    expect(await (await open()).findList('team@example.test', signal)).toBeNull();
  });

  test('on the address of a mailbox or a group is a conflict', async () => {
    const admin = await open();
    await ensureReady(admin, anna);
    tenant.state.groups.push({ address: 'club@example.test', unified: true });
    for (const address of ['anna@example.test', 'info@example.test', 'club@example.test']) {
      await expect(admin.ensureList(address, [], signal)).rejects.toMatchObject({ code: 'PROVISIONING_CONFLICT' });
    }
    expect(tenant.state.lists.size).toBe(0);
  });

  test('with a member that is still being made waits', async () => {
    const admin = await open({ readyAfterMs: 600_000 });
    await admin.ensureMailbox({ ...anna, aliases: [] }, signal);
    await expect(admin.ensureList('team@example.test', [anna.address], signal)).rejects.toMatchObject({
      code: 'MAILBOX_NOT_READY',
    });
  });
});

describe('an add-on', () => {
  test.each(ADD_ONS)('%s is switched on once and read back, for this mailbox alone', async (addOn) => {
    const admin = await open({ activeSyncByDefault: false });
    for (const name of ['anna', 'bert', 'cleo']) {
      await ensureReady(admin, { ...anna, address: `${name}@example.test`, aliases: [] });
    }
    await vi.waitFor(() => expect(tenant.state.mailboxes.size).toBe(3));
    expect((await admin.findMailbox('anna@example.test', signal))?.addOns).toEqual([]);
    expect(await admin.ensureAddOn('Anna@example.test', addOn, signal)).toBe('made');
    expect(await admin.ensureAddOn('anna@example.test', addOn, signal)).toBe('adopted');
    expect(await admin.ensureAddOn('bert@example.test', addOn, signal)).toBe('made');
    for (const [name, addOns] of [
      ['anna', [addOn]],
      ['bert', [addOn]],
      ['cleo', []],
    ] as const) {
      expect((await admin.findMailbox(`${name}@example.test`, signal))?.addOns).toEqual(addOns);
    }
  });
});

describe('access', () => {
  test('tells the domains for which mail is accepted', async () => {
    const admin = await open({ domains: ['example.test', 'example.net'] });
    const domains: string[] = [];
    for await (const domain of admin.listAcceptedDomains(signal)) domains.push(domain);
    expect(domains).toEqual(['example.test', 'example.net']);
  });

  test('asks for one token and renews it when it ends', async () => {
    const admin = await open({ tokenLifeSeconds: 600 });
    const look = () => admin.findRedirection(WANTED, signal);
    await Promise.all([look(), look()]);
    expect(tenant.access.given).toBe(1);
    nowMs += 541_000; // a minute before its end
    await look();
    expect(tenant.access.given).toBe(2);
  });

  test('that a person took back is CONSENT_REVOKED', async () => {
    const admin = await open();
    tenant.access.consented = false;
    await expect(admin.findMailbox(anna.address, signal)).rejects.toMatchObject({ code: 'CONSENT_REVOKED' });
    await expect(admin.findRedirection(WANTED, signal)).rejects.toMatchObject({ code: 'CONSENT_REVOKED' });
  });

  test('T57: with an old token that is refused gets a new one and is made once more', async () => {
    const admin = await open();
    const look = () => Promise.all([admin.findMailbox(anna.address, signal), admin.findRedirection(WANTED, signal)]);
    await look();
    nowMs += 120_000;
    tenant.access.revokeTokens();
    const before = tenant.access.given;
    expect(await look()).toEqual([null, { smartHost: null, forwards: [] }]);
    expect(tenant.access.given).toBe(before + 2);
  });

  test('with a fresh token that is refused waits for a person', async () => {
    const admin = await open();
    await admin.findMailbox(anna.address, signal);
    tenant.access.revokeTokens();
    await expect(admin.findMailbox(anna.address, signal)).rejects.toMatchObject({ code: 'CONSENT_REVOKED' });
  });

  test('with a wrong secret is refused, and the secret is not repeated', async () => {
    const admin = await open({}, { clientSecret: 'env:OTHER' });
    const error: unknown = await admin.findMailbox(anna.address, signal).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'APP_SECRET_WRONG', facts: { errorCode: 'invalid_client' } });
    expect(JSON.stringify(error) + String(error)).not.toContain('wrong');
  });

  test('of an application that the tenant does not know is APP_UNKNOWN', async () => {
    const admin = await open({}, { clientId: 'other' });
    await expect(admin.findMailbox(anna.address, signal)).rejects.toMatchObject({ code: 'APP_UNKNOWN' });
  });

  test('is slowed down for as long as the tenant asks', async () => {
    const admin = await open();
    tenant.fault = ({ name }) =>
      name.includes('-') && !name.includes('/') ? { status: 429, headers: { 'retry-after': '2.128' } } : null;
    await expect(admin.findRedirection(WANTED, signal)).rejects.toMatchObject({
      code: 'THROTTLED',
      retryAfterMs: 2_128,
    });
  });

  test('without the private authority is TLS_UNTRUSTED', async () => {
    const admin = await open({}, { caFile: null });
    await expect(admin.findMailbox(anna.address, signal)).rejects.toMatchObject({ code: 'TLS_UNTRUSTED' });
  });

  test('to nobody is TARGET_ADMIN_UNREACHABLE', async () => {
    const admin = await open();
    await tenant.close();
    await expect(admin.findMailbox(anna.address, signal)).rejects.toMatchObject({ code: 'TARGET_ADMIN_UNREACHABLE' });
  });

  test('without TLS is no plan', async () => {
    await expect(open({}, { baseUrl: 'http://127.0.0.1:9/' })).rejects.toMatchObject({ code: 'PLAN_INVALID' });
  });

  test('is given up when the caller is cancelled, with the reason of the caller', async () => {
    const admin = await open();
    await admin.findMailbox(anna.address, signal);
    tenant.fault = () => ({ hang: true });
    const caller = new AbortController();
    const call = admin.findMailbox(anna.address, caller.signal);
    const reason = new Error('cancelled');
    setTimeout(() => caller.abort(reason), 20);
    await expect(call).rejects.toBe(reason);
  });
});
