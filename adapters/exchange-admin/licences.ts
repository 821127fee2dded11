import { MigrationError } from '../../domain/errors.ts';
import type { Graph } from '../graph/graph.ts';

/** Service plans that bring a mailbox: Exchange Online Plan 1, Plan 2 and Kiosk (learn.microsoft.com, licensing service plan reference). */
const MAILBOX_PLANS: readonly string[] = ['EXCHANGE_S_STANDARD', 'EXCHANGE_S_ENTERPRISE', 'EXCHANGE_S_DESKLESS'];

export interface MailboxSku {
  readonly skuId: string;
  readonly partNumber: string;
  readonly freeSeats: number;
}

/** The tenant's licences that bring a mailbox. */
export async function listMailboxSkus(graph: Graph, signal: AbortSignal): Promise<MailboxSku[]> {
  const skus: MailboxSku[] = [];
  for await (const entry of graph.list('list licences', '/subscribedSkus', signal)) {
    const { skuId, skuPartNumber, capabilityStatus, consumedUnits, prepaidUnits, servicePlans } = entry as {
      skuId?: unknown;
      skuPartNumber?: unknown;
      capabilityStatus?: unknown;
      consumedUnits?: unknown;
      prepaidUnits?: { enabled?: unknown };
      servicePlans?: unknown;
    };
    const plans: unknown[] = Array.isArray(servicePlans) ? servicePlans : [];
    const hasMailbox = plans.some((plan) =>
      MAILBOX_PLANS.includes(String((plan as { servicePlanName?: unknown }).servicePlanName)),
    );
    if (typeof skuId !== 'string' || capabilityStatus !== 'Enabled' || !hasMailbox) continue;
    const freeSeats = Number(prepaidUnits?.enabled ?? 0) - Number(consumedUnits ?? 0);
    skus.push({ skuId, partNumber: String(skuPartNumber ?? skuId), freeSeats });
  }
  return skus;
}

/**
 * @param partNumber  null: any that has a free seat
 * @throws SEATS_EXHAUSTED
 */
export function chooseSku(skus: readonly MailboxSku[], partNumber: string | null): MailboxSku {
  const fits = skus.filter((sku) => partNumber === null || sku.partNumber.toUpperCase() === partNumber.toUpperCase());
  const free = fits.find(({ freeSeats }) => freeSeats > 0);
  if (free) return free;
  const which = partNumber === null ? 'no licence with a mailbox is' : `no seat of ${partNumber} is`;
  throw new MigrationError('SEATS_EXHAUSTED', `${which} free in the tenant`, { facts: { licences: fits.length } });
}

/**
 * Where the organisation is: a licence is refused to a user without a usage location (exchange.md §6.1).
 * @returns ISO 3166-1 alpha-2, e.g. `DE`
 */
export async function usageLocationOf(graph: Graph, signal: AbortSignal): Promise<string> {
  for await (const organisation of graph.list('get organization', '/organization', signal)) {
    const code: unknown = (organisation as { countryLetterCode?: unknown }).countryLetterCode;
    if (typeof code === 'string' && code !== '') return code;
  }
  throw new MigrationError('TARGET_ADMIN_REFUSED', 'the tenant does not tell the country of the organisation', {
    facts: { call: 'get organization' },
  });
}
