import type { Plan } from '../domain/plan.ts';
import type { MailAccount } from '../domain/ports/mail.ts';
import type { StoredMailbox } from '../domain/ports/store.ts';

/** Both ends of a mailbox; the secrets stay references until the adapter connects. */
export function mailAccounts(plan: Plan, { planned }: StoredMailbox): { source: MailAccount; target: MailAccount } {
  return {
    source: { endpoint: plan.source, user: planned.sourceUser, secret: planned.sourceSecret },
    target: {
      endpoint: plan.target.imap,
      user: planned.targetUser,
      secret: planned.targetSecret,
      application: plan.target.kind === 'hosted-exchange' ? (plan.target.transfer ?? plan.target.graph) : null,
    },
  };
}

/** Requests at the same time to one mailbox over HTTPS: Exchange serves no more (exchange.md §3). */
const MOST_REQUESTS = 4;

/** How many sessions may work at the same time at the target. */
export function mostSessions({ endpoint, hosted }: MailAccount): number {
  const [main] = hosted?.routes ?? [];
  return main === undefined || main.route === 'imap' ? endpoint.maxConnections : MOST_REQUESTS;
}
