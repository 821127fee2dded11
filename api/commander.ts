import { randomUUID } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { MigrationError } from '../domain/errors.ts';
import type { Json, StoredMigration } from '../domain/ports/store.ts';
import type { UpdateArguments, UpdateName, UpdateReceipt } from '../workflows/names.ts';
import { operatorOf } from './auth.ts';
import type { ServerDeps } from './deps.ts';

type Deps = Pick<ServerDeps, 'migrations' | 'approvals' | 'workflows'>;

/** What the command routes share: look at the store, ask the workflow, write down who asked. */
export function createCommander({ migrations, approvals, workflows }: Deps) {
  return {
    /** @throws NOT_FOUND; NOT_NOW when the migration has come to its end. */
    async requireAlive(migrationId: string): Promise<StoredMigration> {
      const migration = await migrations.getMigration(migrationId);
      const status = migration.view?.status;
      if (status === 'ended' || status === 'cancelled') {
        throw new MigrationError('NOT_NOW', `The migration is ${status}.`);
      }
      return migration;
    },

    /** For changes that are stored before the workflow is asked. @throws NOT_NOW when the completion is agreed. */
    requireOpen({ view }: StoredMigration): void {
      if (view?.steps.C7.status === 'done') {
        throw new MigrationError('NOT_NOW', 'Both sides agreed that the migration is complete.');
      }
    },

    /** @throws NOT_FOUND when one of the mailboxes is not of this migration. */
    async requireOwn(migrationId: string, mailboxIds: readonly string[]): Promise<void> {
      for (const id of mailboxIds) {
        const mailbox = await migrations.getMailbox(id);
        if (mailbox.migrationId !== migrationId) throw new MigrationError('NOT_FOUND', `There is no mailbox ${id}.`);
      }
    },

    /**
     * Sends an update. `draft` is the answer when no workflow runs yet and what was stored is enough; `onDraft` stores it where the
     * workflow would have. Without `draft` a migration that was not started refuses.
     * @throws NOT_NOW with the workflow's reason; TEMPORAL_UNAVAILABLE
     */
    async tell<Name extends UpdateName>(
      migration: StoredMigration,
      name: Name,
      args: Omit<UpdateArguments[Name], 'by'>,
      request: FastifyRequest,
      options: { updateId?: string; draft?: string; onDraft?: () => Promise<void> } = {},
    ): Promise<UpdateReceipt> {
      const { id: by } = operatorOf(request);
      // `by` completes what Omit took away; TypeScript cannot follow that through a generic name.
      const complete = { ...args, by } as unknown as UpdateArguments[Name];
      let receipt: UpdateReceipt;
      try {
        receipt = await workflows.update(migration.id, name, complete, options.updateId ?? updateIdOf(request));
      } catch (error) {
        if (!(error instanceof MigrationError && error.code === 'NOT_FOUND')) throw error;
        if (options.draft === undefined || (migration.view !== null && migration.view.status !== 'draft')) {
          const state = migration.view === null ? 'has not been started' : 'is not running';
          throw new MigrationError('NOT_NOW', `The migration ${state}.`, { cause: error });
        }
        await options.onDraft?.();
        receipt = { message: options.draft };
      }
      await approvals.recordAudit({
        migrationId: migration.id,
        actor: by,
        action: name,
        details: { ...(args as Record<string, Json>), requestId: request.id },
      });
      return { message: receipt.message };
    },
  };
}

/** The caller's key makes a repeat harmless; without one each request is its own. */
function updateIdOf(request: FastifyRequest): string {
  const key = request.headers['idempotency-key'];
  return typeof key === 'string' ? `${request.routeOptions.url}/${key}` : randomUUID();
}
