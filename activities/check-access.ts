import { type AccessReport, compareAccess, leastRights, plannedSettings } from '../domain/permissions.ts';
import type { Plan } from '../domain/plan.ts';
import type { TenantAccess } from '../domain/ports/tenant-access.ts';

/**
 * What each application of a plan for hosted Exchange needs, has, lacks and has without need. Looks only.
 * @param mailbox  one of the list, which may not exist yet
 */
export async function checkAccess(
  access: TenantAccess,
  { target, client }: Plan,
  mailbox: string | null,
  signal: AbortSignal,
): Promise<AccessReport> {
  const checkedAt = new Date().toISOString();
  if (target.kind !== 'hosted-exchange') return { checkedAt, rows: [], settings: [], faults: [] };
  const { applications, settings } = await access.inspect(target, mailbox, signal);
  return {
    checkedAt,
    rows: compareAccess(leastRights(target), applications, client.id),
    settings: [...plannedSettings(target), ...settings],
    faults: applications.flatMap(({ clientId, fault }) => {
      return fault === null ? [] : [{ clientId, message: `${fault.code}: ${fault.message}`, remedy: fault.remedy }];
    }),
  };
}
