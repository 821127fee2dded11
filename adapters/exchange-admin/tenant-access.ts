import { readFileSync } from 'node:fs';
import { decodeJwt, errors } from 'jose';
import { MigrationError } from '../../domain/errors.ts';
import type { Api, ApplicationAccess, SettingFinding } from '../../domain/permissions.ts';
import type { AdminEndpoint } from '../../domain/plan.ts';
import type { HostedTarget } from '../../domain/ports/exchange-admin.ts';
import type { TenantAccess } from '../../domain/ports/tenant-access.ts';
import { createGraph, type Graph, segment } from '../graph/graph.ts';
import { readBaseUrl } from '../graph/graph-client.ts';
import { createHttpsTransport } from '../graph/https-transport.ts';
import type { TokenPool } from '../graph/token-pool.ts';
import { EXCHANGE_SCOPE } from '../graph/token-source.ts';
import { type Cmdlets, createCmdlets } from './cmdlets.ts';

export interface TenantAccessOptions {
  readonly tokens: TokenPool;
  readonly timeoutMs?: number;
  readonly now?: () => number;
}

type Fault = ApplicationAccess['fault'];

/** What tokens bear, by their `roles`; and for rights that no token bears, one call each that changes nothing. */
export function createTenantAccess({ tokens, timeoutMs = 60_000, now = Date.now }: TenantAccessOptions): TenantAccess {
  const graphOf = (endpoint: AdminEndpoint): Graph =>
    createGraph({ tokens: tokens(endpoint), send: transportOf(endpoint), timeoutMs, now, baseUrl: endpoint.baseUrl });
  const cmdletsOf = (endpoint: AdminEndpoint): Cmdlets =>
    createCmdlets({
      ...{ tokens: tokens(endpoint), send: transportOf(endpoint), timeoutMs, now },
      baseUrl: readBaseUrl(endpoint.baseUrl),
      tenantId: endpoint.tenantId,
    });

  return {
    async inspect(target, mailbox, signal) {
      const applications: ApplicationAccess[] = [];
      const byId = new Map(endpointsOf(target).map((endpoint) => [endpoint.clientId, endpoint]));
      for (const endpoint of byId.values()) {
        signal.throwIfAborted();
        applications.push(await inspectOne(target, endpoint, mailbox, signal));
      }
      const settings = await settingsOf(cmdletsOf(target.exchangeAdmin), target, signal);
      return { applications, settings };
    },
  };

  async function inspectOne(
    target: HostedTarget,
    endpoint: AdminEndpoint,
    mailbox: string | null,
    signal: AbortSignal,
  ): Promise<ApplicationAccess> {
    const calls: Record<string, boolean> = {};
    let fault: Fault = null;
    const note = (error: unknown) => {
      signal.throwIfAborted();
      if (!(error instanceof MigrationError)) throw error;
      fault ??= { code: error.code, message: error.message, remedy: error.kind.remedy };
    };
    const rolesBy = async (scope?: string) => {
      try {
        return rolesIn(await tokens(endpoint, scope).get());
      } catch (error) {
        note(error);
        return null;
      }
    };
    const roles: Record<Api, readonly string[] | null> = {
      graph: await rolesBy(),
      exchange: await rolesBy(EXCHANGE_SCOPE),
    };
    const isTransfer = endpoint.clientId === (target.transfer ?? target.graph).clientId;
    if (isTransfer && mailbox !== null && roles.graph !== null) {
      const may = await mayOpen(graphOf(endpoint), mailbox, signal).catch((error: unknown) => {
        note(error);
        return null;
      });
      if (may !== null) calls['Application Mail.ReadWrite'] = may;
    }
    if (endpoint.clientId === target.exchangeAdmin.clientId && roles.exchange !== null) {
      const may = await mayManage(cmdletsOf(endpoint), signal).catch((error: unknown) => {
        note(error);
        return null;
      });
      if (may !== null) calls['Exchange Administrator'] = may;
    }
    return { clientId: endpoint.clientId, roles, calls, fault };
  }
}

function endpointsOf({ graph, exchangeAdmin, transfer }: HostedTarget): AdminEndpoint[] {
  return [graph, exchangeAdmin, ...(transfer == null ? [] : [transfer])];
}

/** The claim of an app-only token. One that cannot be read is no fault of ours: the API will judge it. */
function rolesIn(token: string): readonly string[] {
  try {
    const { roles } = decodeJwt(token);
    return Array.isArray(roles) ? roles.filter((role): role is string => typeof role === 'string') : [];
  } catch (error) {
    if (error instanceof errors.JWTInvalid) return [];
    throw error;
  }
}

/** Null while the mailbox is not there: then nothing can be told. */
async function mayOpen(graph: Graph, mailbox: string, signal: AbortSignal): Promise<boolean | null> {
  const path = `/users/${segment(mailbox)}/mailFolders/inbox?$select=id`;
  try {
    return (await graph.find('open mailbox', path, signal)) === null ? null : true;
  } catch (error) {
    if (error instanceof MigrationError && error.facts['status'] === 403) return false;
    throw error;
  }
}

/** A look at what only the whole role may see. */
async function mayManage(cmdlets: Cmdlets, signal: AbortSignal): Promise<boolean> {
  try {
    await cmdlets.run('Get-TransportRule', {}, signal);
    return true;
  } catch (error) {
    if (error instanceof MigrationError && error.code === 'CONSENT_REVOKED') return false;
    throw error;
  }
}

/** T58. What cannot be asked is left to the probe of each mailbox. */
async function settingsOf(cmdlets: Cmdlets, target: HostedTarget, signal: AbortSignal): Promise<SettingFinding[]> {
  const found: SettingFinding[] = [];
  const rowsOf = async (cmdlet: string) => {
    try {
      return await cmdlets.run(cmdlet, {}, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof MigrationError) return [];
      throw error;
    }
  };
  const wants = (route: string) => target.routes === undefined || target.routes.some((each) => each === route);
  if (wants('imap')) {
    const off = (await rowsOf('Get-CASMailboxPlan')).filter((plan) => plan['ImapEnabled'] === false);
    for (const plan of off) {
      found.push({
        setting: `ImapEnabled of the mailbox plan ${String(plan['Name'] ?? plan['Identity'] ?? '')}`.trim(),
        found: 'False',
        why: 'new mailboxes of this plan take no IMAP, so mail cannot go in by it',
        command: 'Get-CASMailboxPlan | Set-CASMailboxPlan -ImapEnabled $true',
      });
    }
  }
  if (target.ews?.auth === 'oauth') {
    const off = (await rowsOf('Get-OrganizationConfig')).filter((row) => row['EwsEnabled'] === false);
    if (off.length > 0) {
      found.push({
        setting: 'EwsEnabled of the organisation',
        found: 'False',
        why: 'EWS is off; in Exchange Online it ends for good in 2027',
        command: `Set-OrganizationConfig -EwsEnabled $true -EwsAllowedAppIDs ${(target.transfer ?? target.graph).clientId}`,
      });
    }
  }
  return found;
}

function transportOf({ caFile }: AdminEndpoint) {
  if (caFile === null) return createHttpsTransport(null);
  try {
    return createHttpsTransport(readFileSync(caFile, 'utf8'));
  } catch (cause) {
    throw new MigrationError('TLS_UNTRUSTED', `The certificate file ${caFile} cannot be read.`, { cause });
  }
}
