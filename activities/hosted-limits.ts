import { MigrationError } from '../domain/errors.ts';
import type { Plan } from '../domain/plan.ts';
import type { ExchangeAdminConnector } from '../domain/ports/exchange-admin.ts';
import { HOSTED_EXCHANGE, type TargetLimits } from '../domain/target-limits.ts';

/**
 * What a hosted mailbox will hold, by the tenant's own word on the largest message: of the mailbox, or of the plan that new ones get
 * (T24). Where the tenant does not tell, what such tenants have unless somebody changed it.
 */
export async function hostedLimits(
  admin: ExchangeAdminConnector | undefined,
  { target }: Plan,
  address: string,
  signal: AbortSignal,
): Promise<TargetLimits> {
  if (admin === undefined || target.kind !== 'hosted-exchange') return HOSTED_EXCHANGE;
  try {
    const messageBytes = await admin.open(target).findMessageLimit(address, signal);
    return messageBytes === null ? HOSTED_EXCHANGE : { ...HOSTED_EXCHANGE, messageBytes, isAssumed: false };
  } catch (error) {
    signal.throwIfAborted();
    // A check that the access of another application fails is told by that access's own check.
    if (error instanceof MigrationError) return HOSTED_EXCHANGE;
    throw error;
  }
}
