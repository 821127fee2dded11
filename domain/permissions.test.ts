import { describe, expect, test } from 'vitest';
import { hostedPlan } from '../test/support/plans.ts';
import { grantScript, removeScript } from './permission-script.ts';
import { type ApplicationAccess, compareAccess, isEnough, leastRights, plannedSettings } from './permissions.ts';
import type { HostedTarget } from './ports/exchange-admin.ts';

function targetOf(change: Partial<HostedTarget> = {}): HostedTarget {
  const { target } = hostedPlan(change);
  if (target.kind !== 'hosted-exchange') throw new Error('unreachable: it is hosted');
  return target;
}

const TRANSFER = { ...targetOf().graph, clientId: 'transfer-1' };
const namesOf = (target: HostedTarget, clientId: string) =>
  leastRights(target)
    .find((application) => application.clientId === clientId)
    ?.needs.map(({ right }) => right.name);

describe('the least set', () => {
  test('of the application that moves mail is what its routes use', () => {
    const by = (routes: HostedTarget['routes'], more: Partial<HostedTarget> = {}) =>
      namesOf(targetOf({ transfer: TRANSFER, ...(routes && { routes }), ...more }), 'transfer-1');
    const xoauth2 = { imap: { ...targetOf().imap, auth: 'xoauth2' as const } };
    expect(by(['imap'])).toEqual([]);
    expect(by(['imap'], xoauth2)).toEqual(['IMAP.AccessAsApp', 'FullAccess']);
    expect(by(['graph-json'])).toEqual(['Application Mail.ReadWrite']);
    expect(by(['import-mime'])).toEqual(['Application Mail.ReadWrite', 'Mail-Advanced.ReadWrite.All']);
    const ews = { url: 'https://x/EWS', auth: 'oauth', user: null, secret: null, caFile: null } as const;
    expect(by(['ews'], { ews })).toEqual(['Application EWS.AccessAsApp']);
  });

  test('never asks the application that moves mail to make accounts, nor the other to write mail', () => {
    const target = targetOf({ transfer: TRANSFER });
    expect(namesOf(target, 'transfer-1')?.join()).not.toMatch(/User|Manage|Directory/);
    expect(namesOf(target, 'provisioning-1')?.join()).not.toMatch(/Mail\.ReadWrite|AccessAsApp|FullAccess/);
  });
});

describe('what is granted', () => {
  const target = targetOf({ transfer: TRANSFER, routes: ['graph-json'] });
  const access = (change: Partial<ApplicationAccess>): ApplicationAccess => ({
    ...{ clientId: 'transfer-1', roles: { graph: [], exchange: [] }, calls: {}, fault: null },
    ...change,
  });
  const all = access({
    clientId: 'provisioning-1',
    roles: {
      graph: ['User.ReadWrite.All', 'Organization.Read.All', 'Domain.Read.All', 'Group.Read.All', 'Mail.ReadBasic.All'],
      exchange: ['Exchange.ManageAsApp'],
    },
    calls: { 'Exchange Administrator': true },
  });
  const compare = (transfer: ApplicationAccess) => {
    const rows = compareAccess(leastRights(target), [all, transfer], 'bakery');
    return { rows, enough: isEnough({ checkedAt: '', rows, settings: [], faults: [] }) };
  };

  test('is enough when a call shows what no token bears', () => {
    const { rows, enough } = compare(access({ calls: { 'Application Mail.ReadWrite': true } }));
    expect(enough).toBe(true);
    expect(rows.every(({ has, command }) => has === 'yes' && command === null)).toBe(true);
  });

  test('is not enough when the call is refused: the command names application, role and scope', () => {
    const { rows, enough } = compare(access({ calls: { 'Application Mail.ReadWrite': false } }));
    expect(enough).toBe(false);
    expect(rows.find(({ has }) => has === 'no')).toMatchObject({
      right: 'Application Mail.ReadWrite',
      command: expect.stringMatching(
        /New-ManagementRoleAssignment .*transfer-1.*-CustomResourceScope 'Mailferry bakery'/,
      ),
    });
  });

  test('cannot be told while the mailbox is not there', () => {
    const { rows, enough } = compare(access({}));
    expect(rows.find(({ right }) => right === 'Application Mail.ReadWrite')?.has).toBe('unproved');
    expect(enough).toBe(true);
  });

  test('is too much when a token bears what nothing uses', () => {
    const calls = { 'Application Mail.ReadWrite': true };
    const { rows, enough } = compare(
      access({ calls, roles: { graph: ['Mail.Send'], exchange: ['full_access_as_app'] } }),
    );
    expect(rows.filter(({ has }) => has === 'excess').map(({ right }) => right)).toEqual([
      'Mail.Send',
      'full_access_as_app',
    ]);
    expect(enough).toBe(true);
  });

  test('serves when it is wider than needed: Mail.ReadWrite for the whole tenant', () => {
    const wide = access({ roles: { graph: ['Mail.ReadWrite'], exchange: [] } });
    expect(compare(wide).rows.find(({ right }) => right === 'Application Mail.ReadWrite')?.has).toBe('yes');
  });

  test('misses a permission that is in no token, with the link of consent', () => {
    const rows = compareAccess(leastRights(target), [{ ...all, roles: { graph: [], exchange: [] } }], 'bakery');
    const users = rows.find(({ right }) => right === 'User.ReadWrite.All');
    expect(users?.has).toBe('no');
    expect(users?.command).toContain('adminconsent?client_id=provisioning-1');
  });
});

test('T58: a plan with passwords for Exchange Online is told before anything is tried', () => {
  const imap = { ...targetOf().imap, host: 'outlook.office365.com' };
  expect(plannedSettings(targetOf({ imap }))).toMatchObject([{ setting: 'target.imap.auth', found: 'password' }]);
  expect(plannedSettings(targetOf({ imap: { ...imap, auth: 'xoauth2' } }))).toEqual([]);
  expect(plannedSettings(targetOf())).toEqual([]);
});

describe('the script for the administrator', () => {
  const target = targetOf({
    transfer: TRANSFER,
    imap: { ...targetOf().imap, auth: 'xoauth2' },
    routes: ['imap', 'graph-json'],
  });
  const input = { name: 'bakery', target, mailboxes: ['anna@example.test', "o'neil@example.test"] };

  test('grants each right of the least set, and no other', () => {
    const script = grantScript(input);
    for (const { needs } of leastRights(target)) for (const { right } of needs) expect(script).toContain(right.name);
    expect(script).not.toMatch(/Mail\.Send|full_access_as_app|Directory\.ReadWrite|eq 'Mail\.ReadWrite/);
    expect(script.match(/-AppRoleId \$role/g)).toHaveLength(7);
  });

  test('what one grants the other takes away', () => {
    const [grant, remove] = [grantScript(input), removeScript(input)];
    const count = (text: string, pattern: RegExp) => text.match(pattern)?.length ?? 0;
    for (const [given, taken] of [
      [/New-MgServicePrincipalAppRoleAssignment/g, /Remove-MgServicePrincipalAppRoleAssignment/g],
      [/New-ManagementRoleAssignment/g, /Remove-ManagementRoleAssignment/g],
      [/Add-MailboxPermission/g, /Remove-MailboxPermission/g],
      [/New-ManagementScope/g, /Remove-ManagementScope/g],
      [/New-MgRoleManagementDirectoryRoleAssignment/g, /Remove-MgRoleManagementDirectoryRoleAssignment/g],
    ] as const) {
      expect(count(grant, given)).toBeGreaterThan(0);
      expect(count(remove, taken)).toBe(count(grant, given));
    }
    expect(remove).not.toMatch(/Remove-Mailbox |Remove-MgUser|Set-Mailbox/);
  });

  test('holds names as literals, whatever is in them', () => {
    const script = grantScript({ ...input, mailboxes: ["a'; Remove-Mailbox 'b", 'c’$(evil)\n@example.test'] });
    expect(script).toContain("  'a''; Remove-Mailbox ''b'");
    expect(script).toContain("  'c’’$(evil) @example.test'");
    expect(grantScript(input)).toContain("'o''neil@example.test'");
  });

  test('holds no secret, nor where one is', () => {
    expect(grantScript(input) + removeScript(input)).not.toContain('CLIENT_SECRET');
  });
});
