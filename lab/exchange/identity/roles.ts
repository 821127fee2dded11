/** The two APIs that tokens are for. Each checks that a token was meant for it. */
export type Resource = 'graph' | 'exchange';

/** Application permissions of Microsoft Graph that the lab knows (exchange.md §1.1, §1.5, §6; learn.microsoft.com/graph/permissions-reference). */
const GRAPH_ROLES = [
  'Mail.ReadBasic.All',
  'Mail.Read',
  'Mail.ReadWrite',
  'Mail-Advanced.ReadWrite.All',
  'Mail.Send',
  'MailboxSettings.ReadWrite',
  'User.Read.All',
  'User.ReadWrite.All',
  'LicenseAssignment.Read.All',
  'LicenseAssignment.ReadWrite.All',
  'Group.Read.All',
  'Group.ReadWrite.All',
  'Domain.Read.All',
  'Domain.ReadWrite.All',
  'Organization.Read.All',
  'Organization.ReadWrite.All',
  'AuditLog.Read.All',
  'Directory.Read.All',
  'Directory.ReadWrite.All',
] as const;

/** Of "Office 365 Exchange Online" (exchange.md §5.1, §6.2); the last is that of EWS. */
const EXCHANGE_ROLES = [
  'IMAP.AccessAsApp',
  'SMTP.SendAsApp',
  'Exchange.ManageAsApp',
  'Exchange.ManageAsAppV2',
  'full_access_as_app',
] as const;

export type Role = (typeof GRAPH_ROLES)[number] | (typeof EXCHANGE_ROLES)[number];

export const ROLES: Readonly<Record<Resource, readonly Role[]>> = { graph: GRAPH_ROLES, exchange: EXCHANGE_ROLES };

const AUDIENCES: Readonly<Record<string, Resource>> = {
  'https://graph.microsoft.com': 'graph',
  'https://outlook.office365.com': 'exchange',
  'https://outlook.office.com': 'exchange',
};

/**
 * What a token with this scope is for; null where no such resource is known (AADSTS500011). In the lab both APIs live at one
 * origin, so a scope that names that origin asks for both; Microsoft's own names ask for one each.
 */
export function resourcesOf(scope: string | null): { audience: string; resources: readonly Resource[] } | null {
  const audience = /^(https:\/\/[^/\s]+)\/\.default$/.exec(scope ?? '')?.[1];
  if (audience === undefined) return null;
  const known = AUDIENCES[audience];
  if (known !== undefined) return { audience, resources: [known] };
  const { hostname } = new URL(audience);
  return hostname === '127.0.0.1' || hostname === 'localhost' ? { audience, resources: ['graph', 'exchange'] } : null;
}
