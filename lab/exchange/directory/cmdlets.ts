import { badRequest, cmdletRefusal } from '../refusal.ts';
import { type LabList, type LabMailbox, type LabObjects, type TenantState, textsIn } from './state.ts';

type Values = Readonly<Record<string, unknown>>;
type Row = Readonly<Record<string, unknown>>;

interface Cmdlet {
  /** Names of its parameters; another one is refused, as PowerShell does. */
  readonly takes: readonly string[];
  run(state: TenantState, values: Values): readonly Row[];
}

/** Runs one cmdlet of an InvokeCommand body (exchange.md §6.2). */
export function invokeCommand(state: TenantState, body: unknown): readonly Row[] {
  const { CmdletName: name, Parameters: parameters } =
    (body as { CmdletInput?: { CmdletName?: unknown; Parameters?: unknown } } | null)?.CmdletInput ?? {};
  if (typeof name !== 'string') throw badRequest('CmdletInput with a CmdletName is expected.');
  const cmdlet = CMDLETS[name];
  if (!cmdlet) {
    const text = `The term '${name}' is not recognized as the name of a cmdlet, function, script file, or operable program.`;
    throw cmdletRefusal(400, 'System.Management.Automation.CommandNotFoundException', text);
  }
  const values = (parameters ?? {}) as Values;
  const unknown = Object.keys(values).find((key) => !cmdlet.takes.includes(key));
  if (unknown !== undefined) {
    const text = `A parameter cannot be found that matches parameter name '${unknown}'.`;
    throw cmdletRefusal(400, 'System.Management.Automation.ParameterBindingException', text);
  }
  return cmdlet.run(state, values);
}

const ROUTE = ['Enabled', 'UseMXRecord', 'SmartHosts', 'RecipientDomains', 'IsTransportRuleScoped'];

const CMDLETS: Readonly<Record<string, Cmdlet>> = {
  'Get-Recipient': { takes: ['Identity'], run: (state, values) => [recipientRow(state, identityOf(values))] },
  'Get-Mailbox': { takes: ['Identity'], run: (state, values) => [mailboxRow(state, getMailbox(state, values))] },
  'Set-Mailbox': {
    takes: ['Identity', 'EmailAddresses'],
    run: (state, values) => {
      const mailbox = getMailbox(state, values);
      const added = (values['EmailAddresses'] as { Add?: unknown } | undefined)?.Add;
      // A plain list would replace every address (exchange.md §6.3); nobody here wants that, so it is not made.
      if (!Array.isArray(added)) throw badRequest('EmailAddresses is expected as a hashtable with Add.');
      const aliases = textsIn(added).map((entry) => entry.replace(/^smtp:/, ''));
      for (const alias of aliases) requireFree(state, alias, mailbox);
      for (const alias of aliases) if (!mailbox.aliases.includes(alias)) mailbox.aliases.push(alias);
      return [];
    },
  },
  'Enable-Mailbox': {
    takes: ['Identity', 'Archive'],
    run: (state, values) => {
      const mailbox = getMailbox(state, values);
      if (mailbox.archive) {
        const text = `The mailbox already has an archive.`;
        throw cmdletRefusal(400, 'Microsoft.Exchange.Configuration.Tasks.RecipientTaskException', text);
      }
      mailbox.archive = values['Archive'] === true;
      return [];
    },
  },
  'Get-CASMailbox': {
    takes: ['Identity'],
    run: (state, values) => {
      const { address, activeSync } = getMailbox(state, values);
      return [{ PrimarySmtpAddress: address, ActiveSyncEnabled: activeSync, ImapEnabled: true }];
    },
  },
  'Set-CASMailbox': {
    takes: ['Identity', 'ActiveSyncEnabled'],
    run: (state, values) => {
      getMailbox(state, values).activeSync = values['ActiveSyncEnabled'] === true;
      return [];
    },
  },
  'Get-DistributionGroup': { takes: ['Identity'], run: (state, values) => [listRow(getList(state, values))] },
  'New-DistributionGroup': {
    takes: ['Name', 'DisplayName', 'PrimarySmtpAddress', 'RequireSenderAuthenticationEnabled'],
    run: (state, values) => {
      const address = String(values['PrimarySmtpAddress']).toLowerCase();
      requireFree(state, address, null);
      const name = String(values['Name']);
      if (state.findList(name)) throw alreadyThere(name);
      const list: LabList = {
        address,
        name,
        displayName: String(values['DisplayName'] ?? name),
        // The default refuses senders outside the organisation (exchange.md §6.3).
        outsidersMayWrite: values['RequireSenderAuthenticationEnabled'] === false,
        members: [],
      };
      state.lists.set(address, list);
      return [listRow(list)];
    },
  },
  'Get-DistributionGroupMember': {
    takes: ['Identity'],
    run: (state, values) => getList(state, values).members.map((member) => recipientRow(state, member)),
  },
  'Add-DistributionGroupMember': {
    takes: ['Identity', 'Member'],
    run: (state, values) => {
      const list = getList(state, values);
      const member = String(recipientRow(state, String(values['Member']))['PrimarySmtpAddress']);
      // An error that callers have to take for success (exchange.md §6.3).
      if (list.members.includes(member)) {
        const text = `The recipient "${member}" is already a member of the group "${list.name}".`;
        throw cmdletRefusal(400, 'Microsoft.Exchange.Management.Tasks.MemberAlreadyExistsException', text);
      }
      list.members.push(member);
      return [];
    },
  },
  'Get-AcceptedDomain': { takes: ['Identity'], run: (state, values) => [domainRow(state, values)] },
  'Set-AcceptedDomain': {
    takes: ['Identity', 'DomainType'],
    run: (state, values) => {
      const { DomainName: domain } = domainRow(state, values);
      const type = values['DomainType'];
      if (type !== 'Authoritative' && type !== 'InternalRelay')
        throw badRequest(`DomainType ${String(type)} is unknown.`);
      state.domains.set(String(domain), type);
      return [];
    },
  },
  ...named('OutboundConnector', (state) => state.connectors, ['ConnectorType', ...ROUTE]),
  ...named('TransportRule', (state) => state.rules, ['Enabled', 'RecipientDomainIs', 'RouteMessageOutboundConnector']),
  'Enable-TransportRule': {
    takes: ['Identity'],
    run: (state, values) => {
      getNamed(state.rules, values)['State'] = 'Enabled';
      return [];
    },
  },
  ...family('HostedContentFilter'),
  ...family('SafeLinks'),
};

function family(name: string): Record<string, Cmdlet> {
  return {
    ...named(`${name}Policy`, (state) => state.policies(`${name}Policy`), []),
    ...named(`${name}Rule`, (state) => state.policies(`${name}Rule`), ['SentTo', `${name}Policy`]),
  };
}

/** Get, New, Set and Remove of objects that are their parameters under a name. */
function named(noun: string, objects: (state: TenantState) => LabObjects, fields: string[]): Record<string, Cmdlet> {
  return {
    [`Get-${noun}`]: { takes: ['Identity'], run: (state, values) => [getNamed(objects(state), values)] },
    [`New-${noun}`]: {
      takes: ['Name', ...fields],
      run: (state, values) => {
        const name = String(values['Name']);
        if (objects(state).has(name)) throw alreadyThere(name);
        const made = { State: values['Enabled'] === false ? 'Disabled' : 'Enabled', ...values };
        objects(state).set(name, made);
        return [made];
      },
    },
    [`Set-${noun}`]: {
      takes: ['Identity', ...fields],
      run: (state, { Identity, ...changes }) => {
        Object.assign(getNamed(objects(state), { Identity }), changes);
        return [];
      },
    },
    [`Remove-${noun}`]: {
      takes: ['Identity', 'Confirm'],
      run: (state, values) => {
        getNamed(objects(state), values);
        objects(state).delete(identityOf(values));
        return [];
      },
    },
  };
}

function identityOf(values: Values): string {
  return String(values['Identity'] ?? '');
}

function getNamed(objects: LabObjects, values: Values): Record<string, unknown> {
  return objects.get(identityOf(values)) ?? notFound(identityOf(values));
}

function getMailbox(state: TenantState, values: Values): LabMailbox {
  return state.findMailbox(identityOf(values)) ?? notFound(identityOf(values));
}

function getList(state: TenantState, values: Values): LabList {
  return state.findList(identityOf(values)) ?? notFound(identityOf(values));
}

function recipientRow(state: TenantState, identity: string): Row {
  const mailbox = state.findMailbox(identity);
  if (mailbox) return mailboxRow(state, mailbox);
  const list = state.findList(identity);
  if (list) return listRow(list);
  const group = state.groups.find(({ address, unified }) => unified && address === identity.toLowerCase());
  return group ? { PrimarySmtpAddress: group.address, RecipientTypeDetails: 'GroupMailbox' } : notFound(identity);
}

function mailboxRow(state: TenantState, { address, aliases, archive }: LabMailbox): Row {
  return {
    Identity: address,
    DisplayName: state.findUser(address)?.displayName ?? address,
    PrimarySmtpAddress: address,
    EmailAddresses: [`SMTP:${address}`, ...aliases.map((alias) => `smtp:${alias}`)],
    RecipientTypeDetails: 'UserMailbox',
    ArchiveStatus: archive ? 'Active' : 'None',
  };
}

function listRow({ address, name, displayName, outsidersMayWrite }: LabList): Row {
  return {
    Identity: name,
    Name: name,
    DisplayName: displayName,
    PrimarySmtpAddress: address,
    RecipientTypeDetails: 'MailUniversalDistributionGroup',
    RequireSenderAuthenticationEnabled: !outsidersMayWrite,
  };
}

function domainRow(state: TenantState, values: Values): Row {
  const domain = identityOf(values).toLowerCase();
  return { DomainName: domain, DomainType: state.domains.get(domain) ?? notFound(domain) };
}

function requireFree(state: TenantState, address: string, holder: LabMailbox | null): void {
  if (!state.isAccepted(address)) {
    const text = `You can't use the domain because it's not an accepted domain for your organization.`;
    throw cmdletRefusal(400, 'Microsoft.Exchange.Management.Tasks.NotAcceptedDomainException', text);
  }
  if (!state.isTaken(address) || (holder !== null && state.findMailbox(address) === holder)) return;
  const text = `The proxy address "smtp:${address}" is already being used.`;
  throw cmdletRefusal(400, 'Microsoft.Exchange.Data.Directory.ProxyAddressExistsException', text);
}

function alreadyThere(name: string) {
  return cmdletRefusal(
    409,
    'Microsoft.Exchange.Data.Directory.ADObjectAlreadyExistsException',
    `The name "${name}" is already being used.`,
  );
}

function notFound(identity: string): never {
  throw cmdletRefusal(
    404,
    'Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException',
    `The operation couldn't be performed because object '${identity}' couldn't be found.`,
  );
}
