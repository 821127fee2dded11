/** What the simulated tenant's identity gives and refuses (exchange.md §5.1, §6.2, §9.6). */
import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  type webcrypto,
  X509Certificate,
} from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAuthority } from '../../lab/authority.ts';
import { DOMAIN, startTenant, type TenantClient } from '../support/tenant-client.ts';

const ANNA = `anna@${DOMAIN}`;
const BERT = `bert@${DOMAIN}`;
const EXCHANGE_SCOPE = 'https://outlook.office365.com/.default';
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

let client: TenantClient;
let nowMs = Date.now();
let certificate: { key: string; cert: string };

beforeAll(async () => {
  client = await startTenant(['anna', 'bert'], { now: () => nowMs, tokenLifeSeconds: 3_600 });
  certificate = await (await createAuthority()).issue(['importer']);
});
afterAll(() => client.close());

describe('a token', () => {
  test('is a JWT of the tenant for the audience of the scope, with the roles that were granted', async () => {
    client.tenant.access.register({ clientId: 'reader', secrets: ['s'], roles: ['Mail.Read', 'IMAP.AccessAsApp'] });
    const token = await client.getToken({ client_id: 'reader', client_secret: 's' });
    const { payload } = await jwtVerify(token, client.tenant.access.publicKey, { currentDate: new Date(nowMs) });
    expect(payload).toMatchObject({ aud: 'https://graph.microsoft.com', appid: 'reader', roles: ['Mail.Read'] });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(3_600);
    const other = await client.getToken({ client_id: 'reader', client_secret: 's', scope: EXCHANGE_SCOPE });
    const verified = await jwtVerify(other, client.tenant.access.publicKey, { currentDate: new Date(nowMs) });
    expect(verified.payload).toMatchObject({ aud: 'https://outlook.office365.com', roles: ['IMAP.AccessAsApp'] });
  });

  test.each([
    ['a wrong secret', { client_secret: 'wrong' }, 401, 'AADSTS7000215'],
    ['an unknown application', { client_id: 'nobody' }, 400, 'AADSTS700016'],
    ['an unknown resource', { scope: 'https://example.test/.default' }, 400, 'AADSTS500011'],
    ['a scope that is no resource', { scope: 'Mail.ReadWrite' }, 400, 'AADSTS1002012'],
    ['another grant', { grant_type: 'password' }, 400, 'AADSTS70003'],
  ])('is refused for %s', async (_case, form, status, number) => {
    const answer = await client.askToken(form);
    expect(answer.status).toBe(status);
    expect(answer.json['error_description']).toContain(number);
  });

  test('for another API, over, or made up opens nothing', async () => {
    const look = (token: string | null) => client.send('v1.0/users', { token });
    expect((await look(client.token)).status).toBe(200);
    const exchange = await client.getToken({ scope: EXCHANGE_SCOPE });
    expect(await look(exchange)).toMatchObject({ status: 401, code: 'InvalidAuthenticationToken' });
    expect(await look(`${client.token}x`)).toMatchObject({ status: 401 });
    expect(await look(null)).toMatchObject({ status: 401 });
    nowMs += 3_600_000;
    expect(await look(client.token)).toMatchObject({ status: 401 });
    client.token = await client.getToken();
    expect((await look(client.token)).status).toBe(200);
  });

  test('of an application whose consent is taken back opens nothing from then on', async () => {
    const application = client.tenant.access.register({ clientId: 'revoked', secrets: ['s'] });
    const token = await client.getToken({ client_id: 'revoked', client_secret: 's' });
    expect((await client.send('v1.0/users', { token })).status).toBe(200);
    application.consented = false;
    expect(await client.send('v1.0/users', { token })).toMatchObject({ status: 403 });
    const later = await client.getToken({ client_id: 'revoked', client_secret: 's' });
    expect(await client.send('v1.0/users', { token: later })).toMatchObject({ status: 403 });
    application.consented = true;
    expect((await client.send('v1.0/users', { token })).status).toBe(200);
  });
});

describe('an assertion by certificate', () => {
  interface Odd {
    readonly header?: Record<string, unknown>;
    readonly claims?: Record<string, unknown>;
    readonly key?: KeyObject | webcrypto.CryptoKey;
    readonly ageSeconds?: number;
  }
  async function assertion({ header = {}, claims = {}, key, ageSeconds = 0 }: Odd = {}): Promise<string> {
    const der = new X509Certificate(certificate.cert).raw;
    const at = Math.floor(nowMs / 1_000) - ageSeconds;
    return await new SignJWT({ jti: crypto.randomUUID(), ...claims })
      .setProtectedHeader({ alg: 'ES256', 'x5t#S256': createHash('sha256').update(der).digest('base64url'), ...header })
      .setIssuer(String(claims['iss'] ?? 'signer'))
      .setSubject('signer')
      .setAudience(String(claims['aud'] ?? client.tenant.tokenUrl))
      .setIssuedAt(at)
      .setExpirationTime(at + 600)
      .sign(key ?? createPrivateKey(certificate.key));
  }
  const ask = (client_assertion: string) =>
    client.askToken({ client_id: 'signer', client_assertion, client_assertion_type: ASSERTION_TYPE });

  beforeAll(() => client.tenant.access.register({ clientId: 'signer', certificates: [certificate.cert] }));

  test('gives a token, once', async () => {
    const signed = await assertion();
    const answer = await ask(signed);
    expect(answer.status).toBe(200);
    expect((await client.send('v1.0/users', { token: String(answer.json['access_token']) })).status).toBe(200);
    expect((await ask(signed)).json['error_description']).toContain('AADSTS700030');
  });

  test('takes the older thumbprint of SHA-1 as well', async () => {
    const x5t = createHash('sha1').update(new X509Certificate(certificate.cert).raw).digest('base64url');
    expect((await ask(await assertion({ header: { 'x5t#S256': undefined, x5t } }))).status).toBe(200);
  });

  test.each([
    ['signed by another key', () => ({ key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey }), '700027'],
    ['with a thumbprint that nobody registered', () => ({ header: { 'x5t#S256': 'AAAA' } }), '700027'],
    ['without a thumbprint', () => ({ header: { 'x5t#S256': undefined } }), '50027'],
    ['for another audience', () => ({ claims: { aud: 'https://example.test/token' } }), '700023'],
    ['of another issuer', () => ({ claims: { iss: 'other' } }), '700021'],
    ['that is over', () => ({ ageSeconds: 1_800 }), '700024'],
    ['without an id', () => ({ claims: { jti: undefined } }), '700021'],
  ])('%s is refused', async (_case, odd: () => Odd, number) => {
    const answer = await ask(await assertion(odd()));
    expect(answer.status).toBe(401);
    expect(answer.json['error_description']).toContain(`AADSTS${number}:`);
  });
});

describe('opening a mailbox by IMAP without a user (exchange.md §5.1)', () => {
  const cmdlet = async (CmdletName: string, Parameters: object) =>
    await client.send(`adminapi/beta/${client.tenant.tenantId}/InvokeCommand`, {
      method: 'POST',
      token: await client.getToken({ scope: EXCHANGE_SCOPE }),
      headers: { 'x-anchormailbox': ANNA },
      body: { CmdletInput: { CmdletName, Parameters } },
    });

  test('needs the role, the service principal with the right object id, and FullAccess, each on its own', async () => {
    const { access, mayOpenByImap } = client.tenant;
    const application = access.register({ clientId: 'imap', secrets: ['s'], roles: ['IMAP.AccessAsApp'] });
    const ask = (scope: string) => client.getToken({ client_id: 'imap', client_secret: 's', scope });
    const token = await ask(EXCHANGE_SCOPE);
    const open = (given = token, user = ANNA) => mayOpenByImap(given, user).verdict;

    expect(open()).toBe('auth-failed');
    await cmdlet('New-ServicePrincipal', { AppId: 'imap', ObjectId: application.registrationId });
    expect(open()).toBe('auth-failed');
    expect((await cmdlet('New-ServicePrincipal', { AppId: 'imap', ObjectId: 'x' })).status).toBe(409);
    await cmdlet('Remove-ServicePrincipal', { Identity: 'imap' });
    await cmdlet('New-ServicePrincipal', { AppId: 'imap', ObjectId: application.principalId });
    expect(open()).toBe('not-connected');
    await cmdlet('Add-MailboxPermission', { Identity: ANNA, User: 'imap', AccessRights: ['FullAccess'] });
    expect((await cmdlet('Get-MailboxPermission', { Identity: ANNA })).rows).toMatchObject([{ User: 'imap' }]);
    expect(mayOpenByImap(token, 'ANNA@harbour.test')).toEqual({ verdict: 'ok', mailbox: ANNA });
    expect(open(token, BERT)).toBe('not-connected');
    expect(open(token, 'nobody@harbour.test')).toBe('not-connected');
    expect(open(await ask('https://graph.microsoft.com/.default'))).toBe('auth-failed');
    await cmdlet('Set-CASMailbox', { Identity: ANNA, ImapEnabled: false });
    expect(open()).toBe('not-connected');
    await cmdlet('Set-CASMailbox', { Identity: ANNA, ImapEnabled: true });
    expect(open()).toBe('ok');
    await cmdlet('Remove-MailboxPermission', { Identity: ANNA, User: 'imap', AccessRights: ['FullAccess'] });
    expect(open()).toBe('not-connected');
    await cmdlet('Add-MailboxPermission', {
      Identity: ANNA,
      User: application.principalId,
      AccessRights: ['FullAccess'],
    });
    expect(open()).toBe('ok');
    application.consented = false;
    expect(open()).toBe('auth-failed');
  });
});
