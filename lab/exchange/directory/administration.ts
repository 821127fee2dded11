import { type Front, type HttpAnswer, type HttpCall, jsonOf } from '../front.ts';
import type { Access } from '../identity/access.ts';
import { badRequest, cmdletRefusal, Refusal } from '../refusal.ts';
import { invokeCommand } from './cmdlets.ts';
import type { TenantState } from './state.ts';

export interface AdministrationOptions {
  readonly tenantId: string;
  readonly access: Access;
  readonly state: TenantState;
  /** Rows in one page of a cmdlet's answer. */
  readonly pageSize: number;
}

const MANAGE = { resource: 'exchange', roles: ['Exchange.ManageAsApp'] } as const;
/** The preview API has a permission of its own (learn.microsoft.com/exchange/reference/admin-api-authentication). */
const MANAGE_V2 = { resource: 'exchange', roles: ['Exchange.ManageAsAppV2'] } as const;

/** Exchange's cmdlets by `InvokeCommand`, the call that the PowerShell module makes, and ten of them by `$batch` (exchange.md §6.2). */
export function administration({ tenantId, access, state, pageSize }: AdministrationOptions): Front {
  const base = `/adminapi/beta/${tenantId}`;
  const invoke = (call: HttpCall, body: unknown) => {
    if (call.headers['x-anchormailbox'] === undefined) throw badRequest('X-AnchorMailbox is missing.');
    return run(state, body, call, pageSize);
  };
  return {
    takes: ({ path }) => path === `${base}/InvokeCommand` || path === `${base}/$batch`,
    maxBodyBytes: 1024 * 1024,
    nameOf: (call) => cmdletOf(jsonOf(call)) ?? `${call.method} ${call.path}`,
    answer(call) {
      access.require(call.headers['authorization'], MANAGE);
      if (call.method !== 'POST') throw badRequest('The HTTP method is not supported.');
      const body = jsonOf(call);
      if (call.path.endsWith('/InvokeCommand')) return { status: 200, body: invoke(call, body) };
      return { status: 200, body: { responses: batchOf(body, base).map((one) => answerOne(one, call, invoke)) } };
    },
  };
}

/**
 * The six endpoints of the Exchange Online Admin API (preview; learn.microsoft.com/exchange/reference/admin-api-endpoints-reference):
 * each knows its cmdlets and few parameters. It may be absent: "not available in all organizations".
 */
export function adminApi({ tenantId, access, state, pageSize }: AdministrationOptions): Front {
  const base = `/adminapi/v2.0/${tenantId}/`;
  const endpointOf = ({ path }: HttpCall) => ENDPOINTS[path.slice(base.length)];
  return {
    takes: ({ path }) => path.startsWith(base),
    maxBodyBytes: 1024 * 1024,
    nameOf: (call) => `v2.0 ${cmdletOf(jsonOf(call)) ?? call.path}`,
    answer(call) {
      access.require(call.headers['authorization'], MANAGE_V2);
      const endpoint = endpointOf(call);
      if (!endpoint || call.method !== 'POST') throw new Refusal(404, { error: { code: 'NotFound', message: '' } });
      const body = jsonOf(call);
      const name = cmdletOf(body) ?? '';
      const parameters = Object.hasOwn(endpoint, name) ? endpoint[name] : undefined;
      if (!parameters) throw cmdletRefusal(400, 'InvalidCmdlet', `The cmdlet '${name}' is not supported here.`);
      const { CmdletInput: input } = body as { CmdletInput?: { Parameters?: object } };
      const unknown = Object.keys(input?.Parameters ?? {}).find((key) => !parameters.includes(key));
      if (unknown !== undefined) throw cmdletRefusal(400, 'InvalidParameter', `'${unknown}' is not supported here.`);
      return { status: 200, body: run(state, body, call, pageSize) };
    },
  };
}

const ENDPOINTS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  AcceptedDomain: { 'Get-AcceptedDomain': ['Identity', 'ResultSize'] },
  DistributionGroupMember: { 'Get-DistributionGroupMember': ['Identity', 'ResultSize'] },
  DynamicDistributionGroupMember: { 'Get-DynamicDistributionGroupMember': ['Identity', 'ResultSize'] },
  Mailbox: {
    'Get-Mailbox': ['Identity', 'ResultSize', 'IncludeGrantSendOnBehalfTowithDisplayNames'],
    'Set-Mailbox': ['Identity', 'GrantSendOnBehalfTo'],
  },
  MailboxFolderPermission: { 'Get-MailboxFolderPermission': ['Identity', 'User', 'ResultSize'] },
  OrganizationConfig: { 'Get-OrganizationConfig': [] },
};

function cmdletOf(body: unknown): string | null {
  const name = (body as { CmdletInput?: { CmdletName?: unknown } } | null)?.CmdletInput?.CmdletName;
  return typeof name === 'string' ? name : null;
}

/** The next page is asked for by sending the same body to `@odata.nextLink` (exchange.md §6.2). */
function run(state: TenantState, body: unknown, { query, origin, path }: HttpCall, size: number): object {
  const warnings: string[] = [];
  const rows = invokeCommand(state, body, (text) => warnings.push(text));
  const told = warnings.length === 0 ? {} : { '@adminapi.warnings': warnings };
  const from = Number(query.get('$skiptoken') ?? 0);
  const value = rows.slice(from, from + size);
  if (from + size >= rows.length) return { ...told, value };
  return { ...told, value, '@odata.nextLink': `${origin}${path}?%24skiptoken=${from + size}` };
}

interface BatchEntry {
  readonly id: string;
  readonly body: unknown;
}

const BATCH_LIMIT = 10;

function batchOf(body: unknown, base: string): BatchEntry[] {
  const requests: unknown = (body as { requests?: unknown } | null)?.requests;
  if (!Array.isArray(requests)) throw badRequest('A batch holds requests.');
  if (requests.length > BATCH_LIMIT) throw badRequest(`A batch holds at most ${BATCH_LIMIT} requests.`);
  return requests.map((one: unknown) => {
    const { id, url, method, body: inner } = one as { id?: unknown; url?: unknown; method?: unknown; body?: unknown };
    if (method !== 'POST' || typeof url !== 'string' || !url.endsWith(`${base}/InvokeCommand`)) {
      throw badRequest('Each request of a batch is a POST to InvokeCommand.');
    }
    return { id: String(id), body: inner };
  });
}

/** A request of a batch fails alone. */
function answerOne({ id, body }: BatchEntry, call: HttpCall, invoke: (call: HttpCall, body: unknown) => object) {
  const answer = ((): HttpAnswer => {
    try {
      return { status: 200, body: invoke(call, body) };
    } catch (error) {
      if (error instanceof Refusal) return { status: error.status, body: error.body };
      throw error;
    }
  })();
  return { id, status: answer.status, body: answer.body };
}
