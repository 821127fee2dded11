import type { ErrorCode } from '../domain/errors.ts';
import type { Pass } from '../domain/passes.ts';
import type { MigrationStore } from '../domain/ports/store.ts';

export type WaveActivities = ReturnType<typeof createWaveActivities>;

/** What a wave and its mailbox passes ask of the ledger. Each is idempotent. */
export function createWaveActivities({ store }: { store: MigrationStore }) {
  return {
    /** Ids of mailboxes that this pass still has to do, after a position of the list. */
    async pageDue(input: {
      migrationId: string;
      pass: Pass;
      afterPosition: number;
      limit: number;
    }): Promise<{ mailboxIds: string[]; lastPosition: number | null }> {
      const page = await store.pageDueMailboxes(input.migrationId, input.pass, input.afterPosition, input.limit);
      return { mailboxIds: page.map((mailbox) => mailbox.id), lastPosition: page.at(-1)?.position ?? null };
    },

    async holdMailbox(input: { mailboxId: string; code: ErrorCode; message: string }): Promise<void> {
      await store.recordMailboxStatus(input.mailboxId, 'held', { code: input.code, message: input.message });
    },

    async releaseMailbox(input: { mailboxId: string }): Promise<void> {
      await store.recordMailboxStatus(input.mailboxId, 'copying', null);
    },
  };
}
