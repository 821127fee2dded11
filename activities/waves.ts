import type { ErrorCode } from '../domain/errors.ts';
import type { Pass } from '../domain/passes.ts';
import { accountName, type SignIns } from '../domain/ports/connections.ts';
import type { MigrationStore } from '../domain/ports/store.ts';
import { mailAccounts } from './mail-accounts.ts';

export type WaveActivities = ReturnType<typeof createWaveActivities>;

/** What a wave and its mailbox passes ask of the ledger. Each is idempotent. */
export function createWaveActivities({ store, signIns }: { store: MigrationStore; signIns: SignIns }) {
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

    /** A person asked for another try, of the passwords too. */
    async releaseMailbox(input: { mailboxId: string }): Promise<void> {
      const mailbox = await store.getMailbox(input.mailboxId);
      const { plan } = await store.getMigration(mailbox.migrationId);
      const { source, target } = mailAccounts(plan, mailbox);
      for (const { endpoint, user } of [source, target]) await signIns.forget(accountName(endpoint, user));
      await store.recordMailboxStatus(input.mailboxId, 'copying', null);
    },
  };
}
