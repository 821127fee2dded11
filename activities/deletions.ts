import { Context } from '@temporalio/activity';
import { type BeforeMxMoves, beforeMxMoves } from '../domain/before-mx-moves.ts';
import { followDeletions } from '../domain/follow-deletions.ts';
import type { Pass } from '../domain/passes.ts';
import type { Plan } from '../domain/plan.ts';
import type { EraserConnector } from '../domain/ports/eraser.ts';
import type { Lease, Ledger } from '../domain/ports/ledger.ts';
import type { MailAccount, MailSource, MailTarget } from '../domain/ports/mail.ts';
import type { MigrationStore, StoredMailbox } from '../domain/ports/store.ts';

export interface DeletionPorts {
  readonly store: MigrationStore;
  readonly ledger: Ledger;
  readonly erasers: EraserConnector;
}

export interface DeletionsOfPass {
  readonly mailbox: StoredMailbox;
  readonly plan: Plan;
  readonly pass: Pass;
  readonly source: MailSource;
  readonly target: MailTarget;
  readonly targetAccount: MailAccount;
  readonly lease: Lease;
  readonly mayWrite: () => boolean;
  readonly signal: AbortSignal;
}

/** Whether this pass may follow deletions at all, as far as the plan and the kind of pass say. */
export function followsDeletions({ policy }: Plan, pass: Pass): boolean {
  return policy.deletions === 'follow' && pass.kind === 'delta';
}

/** Deletions that an earlier delta left, e.g. since the source was changing. */
export async function hasRemovable(ledger: Ledger, mailboxId: string): Promise<boolean> {
  for await (const _ of ledger.listRemovable(mailboxId)) return true;
  return false;
}

/**
 * The one place that opens an eraser, always with a proof that was made from what the store says at that moment.
 * @throws DELETIONS_HELD
 */
export async function followDeletionsOfPass(ports: DeletionPorts, input: DeletionsOfPass): Promise<void> {
  const { store, ledger, erasers } = ports;
  const { mailbox, plan, pass, source, target, targetAccount, lease, mayWrite, signal } = input;
  if (!followsDeletions(plan, pass)) return;
  const prove = async (): Promise<BeforeMxMoves | null> => {
    return beforeMxMoves((await store.getMigration(mailbox.migrationId)).view, pass);
  };
  if ((await prove()) === null) return;
  const allowed = await store.findAllowedDeletions(mailbox.id);
  const { removed, kept } = await followDeletions({
    ...{ ledger, lease, source, target, pass, allowed, prove, signal },
    openEraser: (proof) => erasers.openEraser(proof, targetAccount, signal, { mayWrite }),
  });
  if (allowed !== null) await store.recordAllowedDeletions(mailbox.id, null);
  if (removed + kept > 0) Context.current().log.info('deletions followed', { mailboxId: mailbox.id, removed, kept });
}
