import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { MailboxSignals } from '../activities/story.ts';
import { mailboxPassWorkflowId } from '../workflows/names.ts';

/** Signals mailbox passes from an activity: a workflow cannot know which of thousands are under way. */
export function createMailboxSignals(temporal: Client): MailboxSignals {
  return {
    async send(migrationId, pass, mailboxId, signal) {
      const id = mailboxPassWorkflowId(migrationId, pass, mailboxId);
      try {
        await temporal.workflow.getHandle(id).signal(signal);
      } catch (error) {
        if (!(error instanceof WorkflowNotFoundError)) throw error; // it has ended, or has nothing to do in this pass
      }
    },
  };
}
