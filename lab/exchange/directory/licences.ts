import type { LabSku } from './objects.ts';

/** `ENTERPRISEPACK`'s well-known id, with Exchange Online Plan 2 in it; the others' are as well known (Microsoft's licensing reference). */
export const SKU_ID = '6fd2c87f-b296-42f0-b197-1e91e994b900';
export const KIOSK_SKU_ID = '80b2d799-d2ba-4d2a-8842-fb0d0f3a4b82';
export const PLAN_1_SKU_ID = '4b9405b0-7788-4568-add1-99614e613b69';
export const NO_MAIL_SKU_ID = 'a403ebcc-fae0-4ca2-8c8c-7a907fd6c235';

/** Service plans that bring a mailbox. */
const MAILBOX_PLANS: readonly string[] = ['EXCHANGE_S_STANDARD', 'EXCHANGE_S_ENTERPRISE', 'EXCHANGE_S_DESKLESS'];

/** What a tenant of the lab has bought, unless it is told otherwise: one kind with `seats`. */
export function soldByDefault(seats: number): LabSku[] {
  return [
    {
      skuId: SKU_ID,
      partNumber: 'ENTERPRISEPACK',
      seats,
      servicePlans: ['EXCHANGE_S_ENTERPRISE', 'MCOSTANDARD', 'SHAREPOINTENTERPRISE'],
    },
  ];
}

/** For tests that need a choice. */
export function severalSkus(seats: {
  readonly plan1?: number;
  readonly enterprise?: number;
  readonly kiosk?: number;
}): LabSku[] {
  return [
    { skuId: NO_MAIL_SKU_ID, partNumber: 'POWER_BI_STANDARD', seats: 10_000, servicePlans: ['BI_AZURE_P0'] },
    {
      skuId: PLAN_1_SKU_ID,
      partNumber: 'EXCHANGESTANDARD',
      seats: seats.plan1 ?? 0,
      servicePlans: ['EXCHANGE_S_STANDARD'],
    },
    ...soldByDefault(seats.enterprise ?? 0),
    {
      skuId: KIOSK_SKU_ID,
      partNumber: 'EXCHANGEDESKLESS',
      seats: seats.kiosk ?? 0,
      servicePlans: ['EXCHANGE_S_DESKLESS'],
    },
  ];
}

export function bringsMailbox({ servicePlans }: LabSku): boolean {
  return servicePlans.some((plan) => MAILBOX_PLANS.includes(plan));
}
