import { Context } from '@temporalio/activity';
import { MigrationError } from '../domain/errors.ts';
import type { ExchangeAdmin } from '../domain/ports/exchange-admin.ts';
import type { Json } from '../domain/ports/store.ts';
import type { MadeRow } from '../domain/provisioning/made.ts';
import {
  isSettingName,
  type MailboxSettings,
  planPreparation,
  RAISED_BYTES,
  settingOf,
} from '../domain/provisioning/settings.ts';
import { hostedTarget } from './hosted-target.ts';
import { listAllMailboxes } from './mailbox-pages.ts';
import { patiently } from './patiently.ts';
import type { ProvisioningPorts } from './provisioning.ts';

/** How many mailboxes; addresses are in the evidence. */
export interface PreparedCounts {
  readonly raised: number;
  readonly held: number;
  /** Mailboxes whose limit the tenant would not raise. */
  readonly refused: number;
  /** Mailboxes that forward, have rules that send on or delete, or block senders: told, not touched. */
  readonly told: number;
}

/**
 * Before the first transfer room is made for large messages and retention is held, or imported old mail would be tidied away as it
 * lands (exchange.md §6.3); what was there before is in the ledger. Afterwards it is put back. Both are idempotent.
 */
export function createImportSettingsActivities({ store, provisioning, admin }: ProvisioningPorts) {
  return {
    async prepareImport({ migrationId }: { migrationId: string }): Promise<PreparedCounts> {
      const { plan } = await store.getMigration(migrationId);
      const target = hostedTarget(plan);
      const tenant = admin.open(target);
      const signal = Context.current().cancellationSignal;
      const journal = provisioning.journal(migrationId);
      const counts = { raised: 0, held: 0, refused: 0, told: 0 };
      const rows: Json[] = [];
      for await (const { planned } of listAllMailboxes(store, migrationId)) {
        const { address } = planned;
        const settings = await patiently(() => tenant.findSettings(address, signal), signal);
        if (settings === null) continue; // the transfer will say so
        const changed: string[] = [];
        for (const change of planPreparation(settings)) {
          try {
            await patiently(() => tenant.changeSetting(address, change, signal, journal), signal);
            changed.push(change.name);
          } catch (error) {
            // The licence may allow less: then the smaller limit stays, and messages beyond it are named one by one.
            if (!(error instanceof MigrationError && error.code === 'TARGET_ADMIN_REFUSED')) throw error;
            counts.refused += 1;
          }
        }
        if (changed.some((name) => name !== 'RetentionHoldEnabled')) counts.raised += 1;
        if (changed.includes('RetentionHoldEnabled')) counts.held += 1;
        const ownRouting = target.redirectTo.routingDomain ?? null;
        const told = tellOf(settings, ownRouting);
        if (told.length > 0) counts.told += 1;
        if (changed.length > 0 || told.length > 0) rows.push({ address, changed, told });
      }
      await store.recordEvidence(migrationId, 'B1', { preparation: rows });
      return counts;
    },

    /** What somebody changed meanwhile stays as it is. */
    async restoreSettings({ migrationId }: { migrationId: string }): Promise<{ restored: number; left: number }> {
      const { plan } = await store.getMigration(migrationId);
      const tenant = admin.open(hostedTarget(plan));
      const signal = Context.current().cancellationSignal;
      const counts = { restored: 0, left: 0 };
      for await (const row of provisioning.listMade(migrationId)) {
        if (row.kind !== 'setting' || row.state === 'undone') continue;
        counts[await patiently(() => putBack(tenant, row, signal), signal)] += 1;
        await provisioning.recordUndone(migrationId, row);
      }
      return counts;
    },
  };
}

/** A setting that is still as we left it gets its old value again. */
export async function putBack(tenant: ExchangeAdmin, row: MadeRow, signal: AbortSignal): Promise<'restored' | 'left'> {
  const { address, detail: name, before } = row;
  if (before === null || !isSettingName(name)) return 'left';
  const settings = await tenant.findSettings(address, signal);
  const ours = name === 'RetentionHoldEnabled' ? 'true' : String(RAISED_BYTES);
  if (settings === null || settingOf(name, settings) !== ours) return 'left';
  await tenant.putSetting(address, name, before, signal);
  return 'restored';
}

/** What will act on imported or arriving mail, a sentence each. */
function tellOf(settings: MailboxSettings, ownRouting: string | null): string[] {
  const forwards = settings.forwardsTo.filter((target) => ownRouting === null || !target.endsWith(`@${ownRouting}`));
  return [
    ...forwards.map((target) => `its mail goes on to ${target}`),
    ...settings.rules.map((rule) => `the rule '${rule}' sends mail on or deletes it`),
    ...(settings.blockedSenders > 0 ? [`${settings.blockedSenders} senders are blocked as junk`] : []),
  ];
}
