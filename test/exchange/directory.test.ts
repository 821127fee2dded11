/** The simulator's directory refuses what Graph and Exchange refuse: a test per fact of exchange.md §6.1 to §6.3. */
import { request } from 'node:https';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Authority, createAuthority } from '../../lab/authority.ts';
import {
  KIOSK_SKU_ID,
  NO_MAIL_SKU_ID,
  PLAN_1_SKU_ID,
  SKU_ID,
  severalSkus,
} from '../../lab/exchange/directory/licences.ts';
import { type HostedTenant, type HostedTenantOptions, startHostedTenant } from '../../lab/exchange/tenant.ts';

let authority: Authority;
let tenant: HostedTenant;
let token = '';

beforeAll(async () => {
  authority = await createAuthority();
});
afterEach(() => tenant.close());

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function start(options: Partial<HostedTenantOptions> = {}): Promise<void> {
  tenant = await startHostedTenant({ authority, domains: ['example.test'], readyAfterMs: 0, ...options });
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: tenant.clientId,
    client_secret: 'lab-secret',
    scope: `${tenant.baseUrl}.default`,
  });
  const answer = await send('POST', tenant.tokenUrl, form.toString(), {});
  token = String(answer.body['access_token']);
}

function send(method: string, url: string, body: string | null, headers: Record<string, string>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request(url, { method, headers, ca: authority.caPem }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, body: text === '' ? {} : (JSON.parse(text) as Answer['body']) });
      });
    });
    call.on('error', reject);
    call.end(body ?? undefined);
  });
}

const graph = (method: string, path: string, body?: object) =>
  send(method, path.startsWith('https:') ? path : `${tenant.baseUrl}v1.0${path}`, body ? JSON.stringify(body) : null, {
    authorization: `Bearer ${token}`,
  });

const post = (path: string, body: object, headers: Record<string, string> = {}) =>
  send('POST', path.startsWith('https:') ? path : `${tenant.baseUrl}adminapi/${path}`, JSON.stringify(body), {
    authorization: `Bearer ${token}`,
    'x-anchormailbox': 'APP:SystemMailbox',
    ...headers,
  });

const input = (name: string, parameters: object = {}) => ({
  CmdletInput: { CmdletName: name, Parameters: parameters },
});

const cmdlet = (name: string, parameters: object = {}) =>
  post(`beta/${tenant.tenantId}/InvokeCommand`, input(name, parameters));

function exceptionOf({ body }: Answer): string {
  const { error } = body as { error?: { details?: { message: string }[]; message?: string } };
  return error?.details?.[0]?.message ?? error?.message ?? '';
}

const hash = (changes: object) => ({ '@odata.type': '#Exchange.GenericHashTable', ...changes });

const anna = {
  accountEnabled: true,
  displayName: 'Anna',
  mailNickname: 'anna',
  userPrincipalName: 'anna@example.test',
  usageLocation: 'DE',
  passwordProfile: { password: 'x', forceChangePasswordNextSignIn: false },
};

async function makeUser(name: string, skuId: string | null = SKU_ID): Promise<string> {
  const { body } = await graph('POST', '/users', {
    ...anna,
    mailNickname: name,
    userPrincipalName: `${name}@example.test`,
  });
  if (skuId !== null) {
    await graph('POST', `/users/${String(body['id'])}/assignLicense`, {
      addLicenses: [{ skuId, disabledPlans: [] }],
      removeLicenses: [],
    });
    await vi.waitFor(() => expect(tenant.state.mailboxes.has(`${name}@example.test`)).toBe(true));
  }
  return String(body['id']);
}

describe('licences (§6.1)', () => {
  const licence = (id: string, skuId: string) =>
    graph('POST', `/users/${id}/assignLicense`, { addLicenses: [{ skuId, disabledPlans: [] }], removeLicenses: [] });

  test('each kind has seats of its own, and they run out', async () => {
    await start({ skus: severalSkus({ plan1: 1, kiosk: 5 }) });
    const [one, two] = [await makeUser('one', PLAN_1_SKU_ID), await makeUser('two', null)];
    expect(await licence(two, PLAN_1_SKU_ID)).toMatchObject({ status: 400 });
    expect(await licence(two, SKU_ID)).toMatchObject({ status: 400 });
    expect(await licence(two, KIOSK_SKU_ID)).toMatchObject({ status: 200 });
    expect(await licence(one, PLAN_1_SKU_ID)).toMatchObject({ status: 200 }); // has it: no second seat
    const { body } = await graph('GET', '/subscribedSkus');
    const skus = body['value'] as { skuPartNumber: string; consumedUnits: number }[];
    expect(skus.map(({ skuPartNumber, consumedUnits }) => [skuPartNumber, consumedUnits])).toEqual([
      ['POWER_BI_STANDARD', 0],
      ['EXCHANGESTANDARD', 1],
      ['ENTERPRISEPACK', 0],
      ['EXCHANGEDESKLESS', 1],
    ]);
  });

  test('one without a mailbox brings none', async () => {
    await start({ skus: severalSkus({ plan1: 1 }) });
    const id = await makeUser('one', null);
    await licence(id, NO_MAIL_SKU_ID);
    await makeUser('two', PLAN_1_SKU_ID); // whose mailbox comes after the first one's would have
    expect(tenant.state.mailboxes.size).toBe(1);
    expect(await graph('GET', `/users/${id}/mailFolders/inbox`)).toMatchObject({
      status: 404,
      body: { error: { code: 'MailboxNotEnabledForRESTAPI' } },
    });
  });

  test('needs a usage location, and is all or nothing', async () => {
    await start({ skus: severalSkus({ plan1: 1 }) });
    const id = await makeUser('one', null);
    const user = tenant.state.findUser(id);
    const both = {
      addLicenses: [
        { skuId: PLAN_1_SKU_ID, disabledPlans: [] },
        { skuId: SKU_ID, disabledPlans: [] },
      ],
      removeLicenses: [],
    };
    expect((await graph('POST', `/users/${id}/assignLicense`, both)).status).toBe(400);
    expect(user?.licences.size).toBe(0);
    if (user) user.usageLocation = null;
    expect((await licence(id, PLAN_1_SKU_ID)).status).toBe(400);
  });

  test('taken away puts the mailbox aside; given back it is the same one', async () => {
    await start();
    const id = await makeUser('one');
    await cmdlet('Set-Mailbox', {
      Identity: 'one@example.test',
      EmailAddresses: hash({ Add: ['smtp:uno@example.test'] }),
    });
    await graph('POST', `/users/${id}/assignLicense`, { addLicenses: [], removeLicenses: [SKU_ID] });
    expect((await cmdlet('Get-Mailbox', { Identity: 'one@example.test' })).status).toBe(404);
    const aside = await cmdlet('Get-Mailbox', { SoftDeletedMailbox: true });
    expect(aside.body['value']).toMatchObject([{ PrimarySmtpAddress: 'one@example.test' }]);
    await licence(id, SKU_ID);
    await vi.waitFor(() =>
      expect(tenant.state.mailboxes.get('one@example.test')?.aliases).toEqual(['uno@example.test']),
    );
    expect(tenant.state.deletedMailboxes).toEqual([]);
  });
});

describe('users (§6.1)', () => {
  test.each([
    ['a domain that is not verified', 'anna@other.test'],
    ['a dot at the end of the local part', 'anna.@example.test'],
    ['letters outside ASCII', 'ännä@example.test'],
  ])('with %s are refused', async (_case, userPrincipalName) => {
    await start();
    expect((await graph('POST', '/users', { ...anna, userPrincipalName })).status).toBe(400);
  });

  test('on an address that somebody has are refused', async () => {
    await start();
    await makeUser('one');
    await cmdlet('New-DistributionGroup', { Name: 'team', PrimarySmtpAddress: 'team@example.test' });
    tenant.state.groups.push({ address: 'club@example.test', unified: true });
    await cmdlet('New-MailContact', {
      Name: 'out',
      ExternalEmailAddress: 'x@else.test',
      PrimarySmtpAddress: 'out@example.test',
    });
    await cmdlet('Set-Mailbox', {
      Identity: 'one@example.test',
      EmailAddresses: hash({ Add: ['smtp:uno@example.test'] }),
    });
    for (const name of ['one', 'uno', 'team', 'club', 'out']) {
      expect((await graph('POST', '/users', { ...anna, userPrincipalName: `${name}@example.test` })).status).toBe(400);
    }
  });

  test('that were deleted are in the bin, with their mailboxes, and out of the lists', async () => {
    await start();
    const id = await makeUser('one');
    await cmdlet('New-DistributionGroup', { Name: 'team', PrimarySmtpAddress: 'team@example.test' });
    await cmdlet('Add-DistributionGroupMember', { Identity: 'team', Member: 'one@example.test' });
    expect((await graph('DELETE', `/users/${id}`)).status).toBe(204);
    const bin = await graph('GET', '/directory/deletedItems/microsoft.graph.user');
    const [user] = bin.body['value'] as { userPrincipalName: string; mail: string }[];
    expect(user).toMatchObject({ mail: 'one@example.test' });
    expect(user?.userPrincipalName).toBe(`${id.replaceAll('-', '')}one@example.test`);
    expect(tenant.state.deletedMailboxes).toHaveLength(1);
    expect(tenant.state.findList('team')?.members).toEqual([]);
    expect(tenant.state.seatsTaken).toBe(0);
  });

  test('come in pages', async () => {
    await start();
    for (const name of ['one', 'two', 'three']) await makeUser(name, null);
    const first = await graph('GET', '/users?$top=2&$select=userPrincipalName');
    expect(first.body['value']).toHaveLength(2);
    const rest = await graph('GET', String(first.body['@odata.nextLink']));
    expect(rest.body).toEqual({ value: [{ userPrincipalName: 'three@example.test' }] });
  });
});

test('a domain names the records that it wants, and one that nobody verified has none', async () => {
  await start({ mailHost: 'mx.hosted.test' });
  tenant.state.unverifiedDomains.add('new.test');
  const { body } = await graph('GET', '/domains/example.test/serviceConfigurationRecords');
  expect(body['value']).toContainEqual(expect.objectContaining({ recordType: 'Mx', mailExchange: 'mx.hosted.test' }));
  expect((await graph('GET', '/domains/new.test/serviceConfigurationRecords')).status).toBe(404);
  const domains = (await graph('GET', '/domains')).body['value'];
  expect(domains).toContainEqual({ id: 'new.test', isVerified: false, supportedServices: [] });
});

describe('cmdlets (§6.2, §6.3)', () => {
  test.each([
    ['an unknown parameter', 'Get-Mailbox', { Identty: 'x' }, 'ParameterBindingException'],
    ['a wrong type', 'Set-Mailbox', { Identity: 'x', RetentionHoldEnabled: 'true' }, 'ParameterBindingException'],
    ['a size that is none', 'Set-Mailbox', { Identity: 'x', MaxSendSize: 'big' }, 'ParameterBindingException'],
    ['a hashtable without its type', 'Set-Mailbox', { Identity: 'x', EmailAddresses: { Add: ['a'] } }, 'Binding'],
    ['a missing parameter', 'Add-DistributionGroupMember', { Identity: 'x' }, 'ParameterBindingException'],
    ['an unknown cmdlet', 'Get-Nothing', {}, 'CommandNotFoundException'],
    ['an object that is not there', 'Get-Mailbox', { Identity: 'x' }, 'ManagementObjectNotFoundException'],
  ])('with %s are refused', async (_case, name, parameters, exception) => {
    await start();
    const answer = await cmdlet(name, parameters);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(exceptionOf(answer)).toContain(exception);
  });

  test('a plain list of addresses replaces all, upper-case SMTP: is the primary one', async () => {
    await start();
    await makeUser('one');
    const set = (EmailAddresses: unknown) => cmdlet('Set-Mailbox', { Identity: 'one@example.test', EmailAddresses });
    await set(hash({ Add: ['smtp:a@example.test', 'smtp:b@example.test'] }));
    await set(hash({ Remove: ['smtp:a@example.test'] }));
    expect(tenant.state.mailboxes.get('one@example.test')?.aliases).toEqual(['b@example.test']);
    expect((await set(hash({ Remove: ['SMTP:one@example.test'] }))).status).toBe(400);
    expect((await set(['smtp:c@example.test'])).status).toBe(400); // no primary one
    await set(['SMTP:uno@example.test', 'smtp:c@example.test']);
    expect(tenant.state.mailboxes.get('uno@example.test')).toMatchObject({ aliases: ['c@example.test'] });
    expect(tenant.state.findMailbox('b@example.test')).toBeNull();
  });

  test('a size has a ceiling, and what changes nothing is warned of', async () => {
    await start();
    await makeUser('one');
    const set = (parameters: object) => cmdlet('Set-Mailbox', { Identity: 'one@example.test', ...parameters });
    expect((await set({ MaxReceiveSize: '150MB', MaxSendSize: '150 MB' })).status).toBe(200);
    expect((await set({ MaxReceiveSize: '151MB' })).status).toBe(400);
    const rows = (await cmdlet('Get-Mailbox', { Identity: 'one@example.test' })).body['value'];
    expect(rows).toMatchObject([{ MaxReceiveSize: '150 MB (157,286,400 bytes)', RetentionHoldEnabled: false }]);
    const again = await set({ MaxReceiveSize: '150MB' });
    expect(again.body['@adminapi.warnings']).toEqual([expect.stringContaining('no settings')]);
  });

  test('a shared mailbox needs no licence, and nobody can sign in to it', async () => {
    await start({ seats: 0 });
    const parameters = { Name: 'info', Shared: true, PrimarySmtpAddress: 'info@example.test', DisplayName: 'Info' };
    expect((await cmdlet('New-Mailbox', { ...parameters, Shared: false })).status).toBe(400);
    expect((await cmdlet('New-Mailbox', parameters)).body['value']).toMatchObject([
      { RecipientTypeDetails: 'SharedMailbox', PrimarySmtpAddress: 'info@example.test' },
    ]);
    expect(tenant.state.findUser('info@example.test')).toMatchObject({ accountEnabled: false });
    expect((await cmdlet('New-Mailbox', parameters)).status).toBe(400);
    await cmdlet('Remove-Mailbox', { Identity: 'info@example.test', Confirm: false });
    expect(tenant.state.deletedMailboxes).toHaveLength(1);
  });

  test('send-as names a mailbox and is taken back', async () => {
    await start();
    await makeUser('one');
    await makeUser('two');
    const right = {
      Identity: 'one@example.test',
      Trustee: 'two@example.test',
      AccessRights: ['SendAs'],
      Confirm: false,
    };
    expect((await cmdlet('Add-RecipientPermission', { ...right, Trustee: 'nobody@example.test' })).status).toBe(404);
    expect((await cmdlet('Add-RecipientPermission', { ...right, AccessRights: ['Everything'] })).status).toBe(400);
    await cmdlet('Add-RecipientPermission', right);
    const rows = async () => (await cmdlet('Get-RecipientPermission', { Identity: 'one@example.test' })).body['value'];
    expect(await rows()).toMatchObject([{ Trustee: 'two@example.test', AccessRights: ['SendAs'] }]);
    await cmdlet('Remove-RecipientPermission', right);
    expect(await rows()).toEqual([]);
  });

  test('junk mail lists take additions', async () => {
    await start();
    await makeUser('one');
    const TrustedSendersAndDomains = hash({ Add: ['friend.test'] });
    await cmdlet('Set-MailboxJunkEmailConfiguration', { Identity: 'one@example.test', TrustedSendersAndDomains });
    const { body } = await cmdlet('Get-MailboxJunkEmailConfiguration', { Identity: 'one@example.test' });
    expect(body['value']).toMatchObject([{ Enabled: true, TrustedSendersAndDomains: ['friend.test'] }]);
  });

  test('ten go in one batch, each answered alone, and eleven do not', async () => {
    await start();
    await makeUser('one');
    const url = `${tenant.baseUrl}adminapi/beta/${tenant.tenantId}/InvokeCommand`;
    const batch = (count: number) => ({
      requests: Array.from({ length: count }, (_, id) => ({
        id: String(id),
        method: 'POST',
        url,
        body: input('Get-Mailbox', { Identity: id === 0 ? 'nobody' : 'one@example.test' }),
      })),
    });
    const { body } = await post(`beta/${tenant.tenantId}/$batch`, batch(10));
    expect((body['responses'] as { status: number }[]).map(({ status }) => status)).toEqual([
      404,
      ...Array(9).fill(200),
    ]);
    expect((await post(`beta/${tenant.tenantId}/$batch`, batch(11))).status).toBe(400);
  });
});

describe('the official preview API (§6.2)', () => {
  const official = (endpoint: string, name: string, parameters: object = {}) =>
    post(`v2.0/${tenant.tenantId}/${endpoint}`, input(name, parameters));

  test('has six endpoints that know few cmdlets and few parameters', async () => {
    await start();
    await makeUser('one');
    expect((await official('AcceptedDomain', 'Get-AcceptedDomain')).body['value']).toEqual([
      { DomainName: 'example.test', DomainType: 'Authoritative' },
    ]);
    expect((await official('Mailbox', 'Get-Mailbox', { Identity: 'one@example.test' })).status).toBe(200);
    expect((await official('Mailbox', 'Get-Mailbox', { SoftDeletedMailbox: true })).status).toBe(400);
    expect((await official('Mailbox', 'Get-Recipient', { Identity: 'one@example.test' })).status).toBe(400);
    expect((await official('Recipient', 'Get-Recipient', { Identity: 'one@example.test' })).status).toBe(404);
    expect((await official('OrganizationConfig', 'Get-OrganizationConfig')).status).toBe(200);
  });

  test('may be absent', async () => {
    await start({ hasAdminApi: false });
    expect((await official('AcceptedDomain', 'Get-AcceptedDomain')).status).toBe(404);
  });
});
