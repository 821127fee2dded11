/** What preflight sees of the rights of applications, against the simulated tenant. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { checkAccess } from '../../activities/check-access.ts';
import { createTenantAccess } from '../../adapters/exchange-admin/tenant-access.ts';
import { createTokenPool } from '../../adapters/graph/token-pool.ts';
import { renderAccess } from '../../cli/render-access.ts';
import { isEnough } from '../../domain/permissions.ts';
import type { Plan } from '../../domain/plan.ts';
import { createAuthority } from '../../lab/authority.ts';
import { type HostedTenant, startHostedTenant } from '../../lab/exchange/tenant.ts';
import { hostedPlan } from '../support/plans.ts';

const ANN = 'ann@harbour.test';
const signal = new AbortController().signal;
const io = { env: {}, out() {}, err() {}, isTerminal: false, width: null, signal };

let folder: string;
let tenant: HostedTenant;
let plan: Plan;

beforeAll(async () => {
  const authority = await createAuthority();
  folder = mkdtempSync(join(tmpdir(), 'mailferry-access-'));
  const caFile = join(folder, 'ca.pem');
  writeFileSync(caFile, authority.caPem);
  tenant = await startHostedTenant({ authority, domains: ['harbour.test'], readyAfterMs: 0 });
  tenant.addMailbox(ANN);
  const { baseUrl, tokenUrl, tenantId } = tenant;
  const of = (clientId: string) => ({ baseUrl, tokenUrl, tenantId, clientId, clientSecret: 'env:SECRET', caFile });
  plan = hostedPlan({
    ...{ graph: of('provisioning'), exchangeAdmin: of('administration'), transfer: of('transfer') },
    routes: ['import-mime', 'graph-json'],
  });
});
afterAll(async () => {
  await tenant?.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  tenant.fault = null;
  register('provisioning', [
    'User.ReadWrite.All',
    'Organization.Read.All',
    'Domain.Read.All',
    'Group.Read.All',
    'Mail.ReadBasic.All',
  ]);
  register('administration', ['Exchange.ManageAsApp']);
  register('transfer', ['Mail.ReadWrite', 'Mail-Advanced.ReadWrite.All']);
});

function register(clientId: string, roles: Parameters<HostedTenant['access']['register']>[0]['roles']): void {
  tenant.access.register({ clientId, secrets: ['s3cret'], ...(roles && { roles }) });
}

const check = (mailbox: string | null = ANN) => {
  const tokens = createTokenPool({ secrets: { resolve: async () => 's3cret' } });
  return checkAccess(createTenantAccess({ tokens }), plan, mailbox, signal);
};

test('all that is needed is there: nothing to do, and nothing was changed', async () => {
  const before = tenant.calls.filter(
    (name) => /^(POST|PATCH|New|Set|Add|Remove)/.test(name) && !name.includes('token'),
  );
  const report = await check();
  expect(report.rows.filter(({ has }) => has !== 'yes')).toEqual([]);
  expect(isEnough(report)).toBe(true);
  const after = tenant.calls.filter((name) => /^(POST|PATCH|New|Set|Add|Remove)/.test(name) && !name.includes('token'));
  expect(after).toEqual(before);
});

test('what is missing has its line, with the purpose and the command', async () => {
  register('provisioning', ['User.ReadWrite.All', 'Organization.Read.All']);
  const report = await check();
  expect(isEnough(report)).toBe(false);
  const text = renderAccess(io, report);
  expect(text).toMatch(/graph +provision +Group\.Read\.All +MISSING/);
  expect(text).toContain('Domain.Read.All is missing:');
  expect(text).toContain('adminconsent?client_id=provisioning');
  expect(text).toContain('mailferry tenant script plan.yaml mailboxes.csv');
});

test('what is granted without need is told, and holds nothing up', async () => {
  register('transfer', ['Mail.ReadWrite', 'Mail-Advanced.ReadWrite.All', 'User.ReadWrite.All']);
  const report = await check();
  expect(report.rows.find(({ has }) => has === 'excess')).toMatchObject({ right: 'User.ReadWrite.All' });
  expect(isEnough(report)).toBe(true);
  expect(renderAccess(io, report)).toContain('User.ReadWrite.All is asked for and not used:');
});

test('a mailbox that is not there yet leaves open what only a look at it can tell', async () => {
  register('transfer', ['Mail-Advanced.ReadWrite.All']);
  const report = await check('nobody@harbour.test');
  expect(report.rows.find(({ right }) => right === 'Application Mail.ReadWrite')?.has).toBe('unproved');
});

test.each([
  ['AADSTS53003: Access has been blocked by Conditional Access policies.', 'SIGN_IN_BLOCKED', 'Conditional Access'],
  ['AADSTS50076: … you must use multi-factor authentication to access', 'SIGN_IN_BLOCKED', 'exclude the application'],
  ['AADSTS7000222: The provided client secret keys for app are expired.', 'APP_SECRET_EXPIRED', 'new secret'],
  ['AADSTS700016: Application with identifier was not found in the directory', 'APP_UNKNOWN', 'administrator'],
])('T58: %.14s… names the setting of the tenant and what mends it', async (description, code, words) => {
  let refused = 0;
  tenant.fault = ({ name }) => {
    if (!name.includes('/token')) return null;
    refused += 1;
    return { status: 400, body: { error: 'access_denied', error_description: description } };
  };
  const report = await check();
  expect(refused).toBeGreaterThan(0);
  expect(isEnough(report)).toBe(false);
  expect(report.faults.map(({ clientId }) => clientId)).toEqual(['provisioning', 'administration', 'transfer']);
  expect(report.faults[0]?.message).toContain(code);
  expect(`${report.faults[0]?.message} ${report.faults[0]?.remedy}`).toContain(words);
});

test('T58: IMAP that is off for new mailboxes is a setting with its command', async () => {
  if (plan.target.kind !== 'hosted-exchange') throw new Error('unreachable: it is hosted');
  plan = { ...plan, target: { ...plan.target, routes: ['imap', 'graph-json'] } };
  let asked = 0;
  tenant.fault = ({ name }) => {
    if (name !== 'Get-CASMailboxPlan') return null;
    asked += 1;
    return { status: 200, body: { value: [{ Name: 'ExchangeOnlineEnterprise', ImapEnabled: false }] } };
  };
  const report = await check();
  expect(asked).toBe(1);
  expect(report.settings).toMatchObject([{ found: 'False', command: expect.stringContaining('Set-CASMailboxPlan') }]);
  expect(renderAccess(io, report)).toContain('ExchangeOnlineEnterprise is False');
});
