import { API_IDS, type ApplicationNeeds, consentUrl, leastRights } from './permissions.ts';
import type { HostedTarget } from './ports/exchange-admin.ts';

export interface ScriptInput {
  /** Names the group and the scope, e.g. the client's id. */
  readonly name: string;
  readonly target: HostedTarget;
  /** Addresses of the mailboxes that move; no other may be opened. */
  readonly mailboxes: readonly string[];
}

/**
 * PowerShell for an administrator of the tenant that grants exactly the least set (domain/permissions.ts). Twice is the same as once:
 * each step looks first. It asks for nothing but the modules of Microsoft, and holds no secret.
 */
export function grantScript({ name, target, mailboxes }: ScriptInput): string {
  const applications = leastRights(target);
  const lines = [
    ...head('grants Mailferry what this plan needs, and nothing else', name),
    ...mailboxList(mailboxes),
    ...(needsScope(applications) ? makeScope(name) : []),
    ...applications.flatMap((application) => grantOne(application, name)),
    '',
    "Write-Host 'Done. Rights of Exchange take up to two hours to count; then run: mailferry preflight plan.yaml mailboxes.csv'",
  ];
  return `${lines.join('\n')}\n`;
}

/** Takes away what {@link grantScript} gave. Rights only: no mailbox, no mail and no setting is touched. */
export function removeScript({ name, target, mailboxes }: ScriptInput): string {
  const lines = [
    ...head('takes away from Mailferry what the other script granted', name),
    ...mailboxList(mailboxes),
    ...leastRights(target).flatMap((application) => removeOne(application, name)),
    ...(needsScope(leastRights(target)) ? removeScope(name) : []),
    '',
    "Write-Host 'Done. The applications themselves can be deleted in Entra now.'",
  ];
  return `${lines.join('\n')}\n`;
}

function head(what: string, name: string): string[] {
  return [
    `# ${what} (${name}). Read it before you run it, in PowerShell 7, as a Global Administrator.`,
    '# Modules: Install-Module Microsoft.Graph, ExchangeOnlineManagement',
    "$ErrorActionPreference = 'Stop'",
    "Connect-MgGraph -Scopes 'Application.ReadWrite.All', 'AppRoleAssignment.ReadWrite.All', 'RoleManagement.ReadWrite.Directory'",
    'Connect-ExchangeOnline',
    '',
  ];
}

function mailboxList(mailboxes: readonly string[]): string[] {
  return ['$mailboxes = @(', ...mailboxes.map((address) => `  ${quoted(address)}`), ')'];
}

function needsScope(applications: readonly ApplicationNeeds[]): boolean {
  return applications.some(({ needs }) => needs.some(({ right }) => right.kind === 'scoped-role'));
}

/** A scope by membership: its filter has a limit of length, and a list of a thousand addresses is longer. */
function makeScope(name: string): string[] {
  const group = quoted(groupOf(name));
  return [
    '',
    '# Which mailboxes the roles of Exchange are for.',
    `if (-not (Get-DistributionGroup -Identity ${group} -ErrorAction SilentlyContinue)) { New-DistributionGroup -Name ${group} -Type Security | Out-Null; Set-DistributionGroup -Identity ${group} -HiddenFromAddressListsEnabled $true }`,
    `$members = @(Get-DistributionGroupMember -Identity ${group} -ResultSize Unlimited | ForEach-Object { $_.PrimarySmtpAddress })`,
    `foreach ($mailbox in $mailboxes) { if ($members -notcontains $mailbox) { Add-DistributionGroupMember -Identity ${group} -Member $mailbox } }`,
    `$filter = "MemberOfGroup -eq '$((Get-DistributionGroup -Identity ${group}).DistinguishedName)'"`,
    `if (-not (Get-ManagementScope -Identity ${group} -ErrorAction SilentlyContinue)) { New-ManagementScope -Name ${group} -RecipientRestrictionFilter $filter | Out-Null }`,
  ];
}

function removeScope(name: string): string[] {
  const group = quoted(groupOf(name));
  return [
    '',
    `if (Get-ManagementScope -Identity ${group} -ErrorAction SilentlyContinue) { Remove-ManagementScope -Identity ${group} -Confirm:$false }`,
    `if (Get-DistributionGroup -Identity ${group} -ErrorAction SilentlyContinue) { Remove-DistributionGroup -Identity ${group} -Confirm:$false }`,
  ];
}

function grantOne(application: ApplicationNeeds, name: string): string[] {
  const { clientId, namedAs, needs } = application;
  const lines = [
    '',
    `# ${namedAs.join(', ')}: ${clientId}`,
    `# Or consent by hand: ${consentUrl(application)}`,
    `$sp = Get-MgServicePrincipal -Filter ${quoted(`appId eq '${clientId}'`)}`,
    `if (-not $sp) { $sp = New-MgServicePrincipal -AppId ${quoted(clientId)} }`,
  ];
  if (needs.some(({ right }) => right.kind === 'scoped-role' || right.kind === 'mailbox-access')) {
    lines.push(
      '# Exchange wants the object id of the enterprise application, not that of the registration.',
      `if (-not (Get-ServicePrincipal -Identity $sp.Id -ErrorAction SilentlyContinue)) { New-ServicePrincipal -AppId ${quoted(clientId)} -ObjectId $sp.Id -DisplayName 'Mailferry' | Out-Null }`,
    );
  }
  for (const { right, why } of distinct(needs)) {
    lines.push(`# ${right.name}: ${why}`);
    switch (right.kind) {
      case 'permission':
        lines.push(
          `$api = Get-MgServicePrincipal -Filter ${quoted(`appId eq '${API_IDS[right.api]}'`)}`,
          `$role = ($api.AppRoles | Where-Object { $_.Value -eq ${quoted(right.name)} -and $_.AllowedMemberTypes -contains 'Application' }).Id`,
          'if (-not (Get-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $sp.Id -All | Where-Object { $_.AppRoleId -eq $role })) { New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $sp.Id -PrincipalId $sp.Id -ResourceId $api.Id -AppRoleId $role | Out-Null }',
        );
        break;
      case 'scoped-role': {
        const assignment = quoted(`${groupOf(name)} ${right.name}`);
        lines.push(
          `if (-not (Get-ManagementRoleAssignment -Identity ${assignment} -ErrorAction SilentlyContinue)) { New-ManagementRoleAssignment -Name ${assignment} -App $sp.Id -Role ${quoted(right.name)} -CustomResourceScope ${quoted(groupOf(name))} | Out-Null }`,
        );
        break;
      }
      case 'mailbox-access':
        lines.push(
          'foreach ($mailbox in $mailboxes) { Add-MailboxPermission -Identity $mailbox -User $sp.Id -AccessRights FullAccess -AutoMapping $false -WarningAction SilentlyContinue | Out-Null }',
        );
        break;
      case 'directory-role':
        lines.push(
          `$definition = Get-MgRoleManagementDirectoryRoleDefinition -Filter ${quoted(`displayName eq '${right.name}'`)}`,
          `if (-not (Get-MgRoleManagementDirectoryRoleAssignment -Filter "principalId eq '$($sp.Id)' and roleDefinitionId eq '$($definition.Id)'")) { New-MgRoleManagementDirectoryRoleAssignment -PrincipalId $sp.Id -RoleDefinitionId $definition.Id -DirectoryScopeId '/' | Out-Null }`,
        );
    }
  }
  return lines;
}

function removeOne({ clientId, namedAs, needs }: ApplicationNeeds, name: string): string[] {
  const lines = [
    '',
    `# ${namedAs.join(', ')}: ${clientId}`,
    `$sp = Get-MgServicePrincipal -Filter ${quoted(`appId eq '${clientId}'`)}`,
    'if ($sp) {',
  ];
  for (const { right } of distinct(needs)) {
    switch (right.kind) {
      case 'permission':
        lines.push(
          `  $api = Get-MgServicePrincipal -Filter ${quoted(`appId eq '${API_IDS[right.api]}'`)}`,
          `  $role = ($api.AppRoles | Where-Object { $_.Value -eq ${quoted(right.name)} }).Id`,
          '  Get-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $sp.Id -All | Where-Object { $_.AppRoleId -eq $role } | ForEach-Object { Remove-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $sp.Id -AppRoleAssignmentId $_.Id }',
        );
        break;
      case 'scoped-role': {
        const assignment = quoted(`${groupOf(name)} ${right.name}`);
        lines.push(
          `  if (Get-ManagementRoleAssignment -Identity ${assignment} -ErrorAction SilentlyContinue) { Remove-ManagementRoleAssignment -Identity ${assignment} -Confirm:$false }`,
        );
        break;
      }
      case 'mailbox-access':
        lines.push(
          '  foreach ($mailbox in $mailboxes) { Remove-MailboxPermission -Identity $mailbox -User $sp.Id -AccessRights FullAccess -Confirm:$false -ErrorAction SilentlyContinue }',
        );
        break;
      case 'directory-role':
        lines.push(
          `  $definition = Get-MgRoleManagementDirectoryRoleDefinition -Filter ${quoted(`displayName eq '${right.name}'`)}`,
          `  Get-MgRoleManagementDirectoryRoleAssignment -Filter "principalId eq '$($sp.Id)' and roleDefinitionId eq '$($definition.Id)'" | ForEach-Object { Remove-MgRoleManagementDirectoryRoleAssignment -UnifiedRoleAssignmentId $_.Id }`,
        );
    }
  }
  return [...lines, '}'];
}

function distinct(needs: ApplicationNeeds['needs']): ApplicationNeeds['needs'] {
  return needs.filter((need, at) => needs.findIndex(({ right }) => right.name === need.right.name) === at);
}

function groupOf(name: string): string {
  return `Mailferry ${name}`;
}

/** A literal of PowerShell: nothing in it is read but the quote, in each of the shapes that PowerShell takes for one. */
function quoted(text: string): string {
  return `'${text.replaceAll(/['‘’‚‛]/g, (quote) => `${quote}${quote}`).replaceAll(/[\r\n]/g, ' ')}'`;
}
