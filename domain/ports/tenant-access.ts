import type { ApplicationAccess, SettingFinding } from '../permissions.ts';
import type { HostedTarget } from './exchange-admin.ts';

/** Looks at what the applications of a plan may do, and at settings of the tenant that stand in the way. Changes nothing. */
export interface TenantAccess {
  /**
   * One entry for each application of the plan. Whatever fails is a finding.
   * @param mailbox  one of the list, for a harmless look; it may not exist yet
   * @throws the signal's reason when aborted
   */
  inspect(
    target: HostedTarget,
    mailbox: string | null,
    signal: AbortSignal,
  ): Promise<{ readonly applications: readonly ApplicationAccess[]; readonly settings: readonly SettingFinding[] }>;
}
