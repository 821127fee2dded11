import { Context } from '@temporalio/activity';
import type { Json } from '../domain/ports/store.ts';
import type { MadeRow } from '../domain/provisioning/made.ts';
import { type MailboxUse, planUndo, type UndoStep } from '../domain/provisioning/plan-undo.ts';
import { hostedTarget } from './hosted-target.ts';
import { putBack } from './import-settings.ts';
import { listAllMailboxes } from './mailbox-pages.ts';
import { patiently } from './patiently.ts';
import type { ProvisioningPorts } from './provisioning.ts';

/** Rollback of provisioning: takes back what this migration made and nobody has used since. Idempotent. */
export function createUndoActivities({ store, provisioning, admin }: ProvisioningPorts) {
  return {
    async undoProvisioning({ migrationId }: { migrationId: string }): Promise<{ removed: number; left: number }> {
      const { plan } = await store.getMigration(migrationId);
      const tenant = admin.open(hostedTarget(plan));
      const signal = Context.current().cancellationSignal;
      const rows: MadeRow[] = [];
      for await (const row of provisioning.listMade(migrationId)) rows.push(row);
      const uses = new Map<string, MailboxUse | null>();
      const members = new Map<string, readonly string[] | null>();
      for (const { kind, address, state } of rows) {
        if (state === 'undone') continue;
        if (kind === 'list' || kind === 'member') {
          if (!members.has(address))
            members.set(address, (await patiently(() => tenant.findList(address, signal), signal))?.members ?? null);
        } else if (!uses.has(address))
          uses.set(address, await patiently(() => tenant.findUse(address, signal), signal));
      }
      const delivered = new Map<string, number>();
      for await (const { id, planned } of listAllMailboxes(store, migrationId)) {
        const { copied, repaired, wrapped } = await store.tallyMailbox(id);
        delivered.set(planned.address.toLowerCase(), copied + repaired + wrapped);
      }
      const settings = new Map(
        rows.filter(({ kind }) => kind === 'setting').map((row) => [`${row.address} ${row.detail}`, row]),
      );
      const told: Json[] = [];
      const counts = { removed: 0, left: 0 };
      for (const step of planUndo({ rows, uses, delivered, members })) {
        const { object } = step;
        const done = await patiently(() => carryOut(step), signal);
        if (done.action !== 'leave') await provisioning.recordUndone(migrationId, object);
        if (done.action === 'remove') counts.removed += 1;
        if (done.action === 'leave') counts.left += 1;
        told.push({ ...object, action: done.action, why: done.why });
      }
      await provisioning.recordReport(migrationId, 'undo', { rows: told });
      return counts;

      async function carryOut(step: UndoStep): Promise<Pick<UndoStep, 'action' | 'why'>> {
        const { object, action, why } = step;
        if (action !== 'remove') return { action, why };
        const setting = settings.get(`${object.address} ${object.detail}`);
        if (object.kind === 'setting') {
          const outcome = setting === undefined ? 'left' : await putBack(tenant, setting, signal);
          // Whoever changed it meanwhile wants it so: it is no longer ours.
          return { action: outcome === 'restored' ? 'remove' : 'gone', why: '' };
        }
        if (await tenant.removeMade(object, signal)) return { action, why };
        return { action: 'leave', why: 'what is in it would be lost' };
      }
    },
  };
}
