import { type Front, type HttpCall, jsonOf } from '../front.ts';
import type { Access } from '../identity/access.ts';
import { badRequest } from '../refusal.ts';
import { invokeCommand } from './cmdlets.ts';
import type { TenantState } from './state.ts';

export interface AdministrationOptions {
  readonly tenantId: string;
  readonly access: Access;
  readonly state: TenantState;
  /** Rows in one page of a cmdlet's answer. */
  readonly pageSize: number;
}

/** Exchange's cmdlets by `InvokeCommand`, the call that the PowerShell module makes (exchange.md §6.2). */
export function administration({ tenantId, access, state, pageSize }: AdministrationOptions): Front {
  const path = `/adminapi/beta/${tenantId}/InvokeCommand`;
  return {
    takes: (call) => call.path === path,
    maxBodyBytes: 1024 * 1024,
    nameOf: (call) => cmdletOf(call) ?? `${call.method} ${call.path}`,
    answer(call) {
      access.require(call.headers['authorization'], { resource: 'exchange', roles: ['Exchange.ManageAsApp'] });
      if (call.headers['x-anchormailbox'] === undefined) throw badRequest('X-AnchorMailbox is missing.');
      return { status: 200, body: pageOf(invokeCommand(state, jsonOf(call)), call, pageSize) };
    },
  };
}

function cmdletOf(call: HttpCall): string | null {
  const name = (jsonOf(call) as { CmdletInput?: { CmdletName?: unknown } } | null)?.CmdletInput?.CmdletName;
  return typeof name === 'string' ? name : null;
}

/** The next page is asked for by sending the same body to `@odata.nextLink` (exchange.md §6.2). */
function pageOf(rows: readonly object[], { query, origin, path }: HttpCall, size: number): object {
  const from = Number(query.get('$skiptoken') ?? 0);
  const value = rows.slice(from, from + size);
  if (from + size >= rows.length) return { value };
  return { value, '@odata.nextLink': `${origin}${path}?%24skiptoken=${from + size}` };
}
