import { type AdminEndpoint, DEFAULT_ROUTES } from './plan.ts';
import type { HostedTarget } from './ports/exchange-admin.ts';
import type { Route } from './routes.ts';

/** What an application is for. */
export type Purpose = 'provision' | 'redirect' | 'transfer';

/** Microsoft Graph, or "Office 365 Exchange Online", which serves IMAP, EWS and the cmdlets. */
export type Api = 'graph' | 'exchange';

/** One right, as Entra or Exchange calls it. */
export type Right =
  /** An application permission, which a token bears in its `roles`. */
  | { readonly kind: 'permission'; readonly api: Api; readonly name: string }
  /** A role of Exchange for the mailboxes of a scope only (RBAC for Applications), which no token bears. */
  | { readonly kind: 'scoped-role'; readonly name: string }
  /** FullAccess to each mailbox, after the application was made known to Exchange (exchange.md §5.1). */
  | { readonly kind: 'mailbox-access'; readonly name: 'FullAccess' }
  /** A role of Entra for the whole directory. */
  | { readonly kind: 'directory-role'; readonly name: string };

export interface NeededRight {
  readonly right: Right;
  readonly purpose: Purpose;
  /** Null: whatever the route. */
  readonly route: Route | null;
  /** What it is used for. */
  readonly why: string;
}

export interface ApplicationNeeds {
  readonly clientId: string;
  readonly tenantId: string;
  /** Where the plan names it: `graph`, `exchangeAdmin`, `transfer`. */
  readonly namedAs: readonly string[];
  readonly needs: readonly NeededRight[];
}

const permission = (api: Api, name: string): Right => ({ kind: 'permission', api, name });

/** What our calls to Microsoft Graph need (learn.microsoft.com/graph/permissions-reference, least privileged first). */
const PROVISION: readonly [name: string, why: string][] = [
  ['User.ReadWrite.All', 'makes users, sets their country and assigns licences'],
  ['Organization.Read.All', 'reads the licences that are left and the country'],
  ['Domain.Read.All', 'sees whether the domains are verified'],
  ['Group.Read.All', 'sees whether an address is a group already'],
  ['Mail.ReadBasic.All', 'sees when a new mailbox has appeared'],
];

const DIRECTORY_ROLE = 'Exchange Administrator';

/** Of each application that the plan names, the least set for what the plan wants. An application that is named twice is one. */
export function leastRights(target: HostedTarget): readonly ApplicationNeeds[] {
  const transfer = target.transfer ?? target.graph;
  return merged([
    [target.graph, 'graph', PROVISION.map(([name, why]) => need(permission('graph', name), 'provision', null, why))],
    [
      target.exchangeAdmin,
      'exchangeAdmin',
      [
        need(permission('exchange', 'Exchange.ManageAsApp'), 'provision', null, 'runs the cmdlets of Exchange'),
        need(
          { kind: 'directory-role', name: DIRECTORY_ROLE },
          'redirect',
          null,
          'sets aliases, lists, add-ons; connectors, rules and domain types need the whole role',
        ),
      ],
    ],
    [transfer, target.transfer == null ? 'graph (as transfer)' : 'transfer', transferNeeds(target)],
  ]);
}

function transferNeeds(target: HostedTarget): NeededRight[] {
  const routes = target.routes ?? DEFAULT_ROUTES;
  return routes.flatMap((route) => {
    return rightsOf(route, target).map(([right, why]) => need(right, 'transfer', route, why));
  });
}

function rightsOf(route: Route, { imap, ews }: HostedTarget): readonly [right: Right, why: string][] {
  const readWrite: Right = { kind: 'scoped-role', name: 'Application Mail.ReadWrite' };
  switch (route) {
    case 'imap':
      if (imap.auth !== 'xoauth2') return [];
      return [
        [permission('exchange', 'IMAP.AccessAsApp'), 'signs in to IMAP'],
        [{ kind: 'mailbox-access', name: 'FullAccess' }, 'opens the mailboxes of the list, and no other'],
      ];
    case 'ews':
      if (ews?.auth !== 'oauth') return [];
      return [[{ kind: 'scoped-role', name: 'Application EWS.AccessAsApp' }, 'writes and re-reads mail by EWS']];
    case 'import-mime':
      return [
        [readWrite, 'makes folders, sets flags, writes and re-reads mail'],
        [permission('graph', 'Mail-Advanced.ReadWrite.All'), 'imports MIME; in beta, not known as a role of Exchange'],
      ];
    case 'graph-json':
      return [[readWrite, 'makes folders, sets flags, writes and re-reads mail']];
  }
}

function need(right: Right, purpose: Purpose, route: Route | null, why: string): NeededRight {
  return { right, purpose, route, why };
}

function merged(
  all: readonly [endpoint: AdminEndpoint, namedAs: string, needs: readonly NeededRight[]][],
): ApplicationNeeds[] {
  const byId = new Map<string, ApplicationNeeds>();
  for (const [{ clientId, tenantId }, namedAs, needs] of all) {
    const key = `${clientId}@${tenantId}`;
    const known = byId.get(key) ?? { clientId, tenantId, namedAs: [], needs: [] };
    byId.set(key, { ...known, namedAs: [...known.namedAs, namedAs], needs: [...known.needs, ...needs] });
  }
  return [...byId.values()];
}

/** What was found of one application. */
export interface ApplicationAccess {
  readonly clientId: string;
  /** Roles that its tokens bear, by API. Null where no token was given; `fault` says why. */
  readonly roles: Readonly<Record<Api, readonly string[] | null>>;
  /** Rights that a harmless call proved to be there or not; by name. Others cannot be proved without an effect. */
  readonly calls: Readonly<Record<string, boolean>>;
  readonly fault: { readonly code: string; readonly message: string; readonly remedy: string } | null;
}

/** A line of the table. */
export interface AccessRow {
  readonly clientId: string;
  readonly namedAs: string;
  readonly purpose: Purpose | 'unused';
  readonly right: string;
  readonly why: string;
  /** `unproved`: neither token nor harmless call can tell. `excess`: granted, and used for nothing. */
  readonly has: 'yes' | 'no' | 'unproved' | 'excess';
  /** The command that grants it, or takes it away; null where nothing is to be done. */
  readonly command: string | null;
}

/** The other names by which a right may have been given: a wider one serves, and is told as too wide. */
const WIDER: Readonly<Record<string, readonly string[]>> = {
  'Application Mail.ReadWrite': ['Mail.ReadWrite'],
  'Application EWS.AccessAsApp': ['full_access_as_app'],
  'User.ReadWrite.All': ['Directory.ReadWrite.All'],
  'Organization.Read.All': ['Organization.ReadWrite.All', 'Directory.Read.All', 'Directory.ReadWrite.All'],
  'Domain.Read.All': ['Domain.ReadWrite.All', 'Directory.Read.All', 'Directory.ReadWrite.All'],
  'Group.Read.All': ['Group.ReadWrite.All', 'Directory.Read.All', 'Directory.ReadWrite.All'],
  'Mail.ReadBasic.All': ['Mail.Read', 'Mail.ReadWrite'],
};

/**
 * What each application needs, has, lacks, and has without need.
 * @param name  of the scope of Exchange, as the script makes it (domain/permission-script.ts)
 */
export function compareAccess(
  needs: readonly ApplicationNeeds[],
  found: readonly ApplicationAccess[],
  name: string,
): readonly AccessRow[] {
  return needs.flatMap((application) => {
    const access = found.find(({ clientId }) => clientId === application.clientId) ?? null;
    const bears = new Set([...(access?.roles.graph ?? []), ...(access?.roles.exchange ?? [])]);
    const used = new Set<string>();
    const rows = application.needs.map(({ right, purpose, why }): AccessRow => {
      const wider = (WIDER[right.name] ?? []).filter((name) => bears.has(name));
      for (const name of [right.name, ...(bears.has(right.name) ? [] : wider)]) used.add(name);
      const inToken = bears.has(right.name) || wider.length > 0;
      const byCall = access?.calls[right.name];
      const has =
        byCall === false ? 'no' : inToken || byCall === true ? 'yes' : right.kind === 'permission' ? 'no' : 'unproved';
      const command = has === 'yes' ? null : grantCommand(application, right, name);
      return rowOf(application, { purpose, right: nameOf(right), why, has, command });
    });
    const excess = [...bears].filter((name) => !used.has(name));
    return [
      ...rows,
      ...excess.map((name) => {
        const why = 'nothing here uses it';
        return rowOf(application, {
          purpose: 'unused',
          right: name,
          why,
          has: 'excess',
          command: removeCommand(application, name),
        });
      }),
    ];
  });
}

function rowOf({ clientId, namedAs }: ApplicationNeeds, row: Omit<AccessRow, 'clientId' | 'namedAs'>): AccessRow {
  return { clientId, namedAs: namedAs.join(', '), ...row };
}

function nameOf(right: Right): string {
  return right.kind === 'directory-role' ? `${right.name} (Entra role)` : right.name;
}

/** Ids of Microsoft's own applications, the same in every tenant. */
export const API_IDS: Readonly<Record<Api, string>> = {
  graph: '00000003-0000-0000-c000-000000000000',
  exchange: '00000002-0000-0ff1-ce00-000000000000',
};

/** Where an administrator of the tenant consents to what the application asks for. */
export function consentUrl({ tenantId, clientId }: Pick<ApplicationNeeds, 'tenantId' | 'clientId'>): string {
  return `https://login.microsoftonline.com/${tenantId}/adminconsent?client_id=${clientId}`;
}

function grantCommand({ clientId, tenantId }: ApplicationNeeds, right: Right, name: string): string {
  const sp = `(Get-MgServicePrincipal -Filter "appId eq '${clientId}'").Id`;
  switch (right.kind) {
    case 'permission':
      return `add ${right.name} to the application, then ${consentUrl({ tenantId, clientId })}`;
    case 'scoped-role':
      return `New-ManagementRoleAssignment -App ${sp} -Role '${right.name}' -CustomResourceScope 'Mailferry ${name}'`;
    case 'mailbox-access':
      return `Add-MailboxPermission -Identity <mailbox> -User ${sp} -AccessRights FullAccess -AutoMapping $false`;
    case 'directory-role':
      return `New-MgRoleManagementDirectoryRoleAssignment -PrincipalId ${sp} -RoleDefinitionId (Get-MgRoleManagementDirectoryRoleDefinition -Filter "displayName eq '${right.name}'").Id -DirectoryScopeId '/'`;
  }
}

function removeCommand({ clientId }: ApplicationNeeds, name: string): string {
  return `remove ${name} from the application ${clientId} (Entra: App registrations, API permissions)`;
}

/** A setting of the tenant that stands in the way (T58). */
export interface SettingFinding {
  readonly setting: string;
  readonly found: string;
  readonly why: string;
  readonly command: string;
}

/** What preflight says of the tenant. JSON. */
export interface AccessReport {
  readonly checkedAt: string;
  readonly rows: readonly AccessRow[];
  readonly settings: readonly SettingFinding[];
  /** Applications that got no token or whose calls failed, with what to do. */
  readonly faults: readonly { readonly clientId: string; readonly message: string; readonly remedy: string }[];
}

/** Whether nothing that is needed is missing. What is too much is told, and holds nothing up. */
export function isEnough({ rows, settings, faults }: AccessReport): boolean {
  return faults.length === 0 && settings.length === 0 && rows.every(({ has }) => has !== 'no');
}

/** What can be told of the plan alone. */
export function plannedSettings({ imap, routes = DEFAULT_ROUTES }: HostedTarget): readonly SettingFinding[] {
  const isOnline = /(^|\.)outlook\.office(365)?\.com$/i.test(imap.host);
  if (!isOnline || imap.auth === 'xoauth2' || !routes.includes('imap')) return [];
  return [
    {
      setting: 'target.imap.auth',
      found: 'password',
      why: 'Exchange Online takes no passwords over IMAP since 2022',
      command: 'write `auth: xoauth2` below `target.imap`, and an application below `target.transfer`',
    },
  ];
}
