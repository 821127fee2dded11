import { createHash } from 'node:crypto';
import { Context } from '@temporalio/activity';
import { MigrationError } from '../domain/errors.ts';
import type { MailConnector } from '../domain/ports/mail.ts';
import type { ProbeSender } from '../domain/ports/services.ts';
import type { MigrationStore } from '../domain/ports/store.ts';
import type { StepId } from '../domain/steps.ts';
import { mailAccounts } from './mail-accounts.ts';
import { createRouteKeeper, type RoutePorts } from './mailbox-routes.ts';
import { hasProbeAtSource, hasProbeAtTarget } from './probe-search.ts';

export interface ProbePorts extends RoutePorts {
  readonly store: MigrationStore;
  readonly connector: MailConnector;
  readonly probeSender: ProbeSender;
  /** Sender of probe messages; must not lie in a domain that moves. */
  readonly probeFrom: string;
}

type Side = 'source' | 'target';

/** How often a mailbox is looked into while a probe is on its way. */
const LOOK_EVERY_MS = 2_000;

/** Probe messages prove which way mail takes: the only evidence of redirection from end to end. */
export function createProbeActivities({ store, connector, prober, probeSender, probeFrom }: ProbePorts) {
  const routes = createRouteKeeper({ store, prober });
  return {
    /**
     * Sends a probe to the first mailbox of the list, as an outside sender would. The token follows from migration, step and run, so a
     * repeat sends the same message again, which proves the same.
     */
    async sendProbe(input: {
      migrationId: string;
      step: StepId;
    }): Promise<{ token: string; mailboxId: string; sentAtMs: number }> {
      const { plan } = await store.getMigration(input.migrationId);
      const [mailbox] = await store.pageMailboxes(input.migrationId, -1, 1);
      if (!mailbox) throw new MigrationError('NOT_FOUND', 'the migration has no mailbox that a probe could be sent to');
      if (plan.target.kind !== 'hosted-exchange')
        throw new MigrationError('NOT_NOW', 'a plain IMAP target receives no mail from us');
      const { cancellationSignal: signal, info } = Context.current();
      const token = createHash('sha256')
        .update(`${input.migrationId} ${input.step} ${info.workflowExecution?.runId} ${info.activityId}`)
        .digest('hex')
        .slice(0, 32);
      const sentAtMs = Date.now();
      await probeSender.send(
        plan.target.smtp,
        {
          from: probeFrom,
          to: mailbox.planned.address,
          token,
          subject: 'Test message of the mail migration',
          text: 'This message checks which way mail for your organisation takes at the moment. You may delete it.\r\n',
        },
        signal,
      );
      return { token, mailboxId: mailbox.id, sentAtMs };
    },

    /**
     * Succeeds when the probe is where it belongs and not where it does not.
     * @throws PROBE_NOT_ARRIVED until then (look again), PROBE_ASTRAY when it is on the wrong side or the time is up
     */
    async proveProbe(input: {
      migrationId: string;
      step: StepId;
      token: string;
      mailboxId: string;
      sentAtMs: number;
      arrivesAt: Side;
      notAt: Side | null;
    }): Promise<{ evidenceId: string }> {
      const { plan } = await store.getMigration(input.migrationId);
      const mailbox = await store.getMailbox(input.mailboxId);
      const { source, target } = mailAccounts(plan, mailbox);
      const accounts = { source, target: await routes.find(plan, mailbox, target) };
      const signal = Context.current().cancellationSignal;
      const isAt = (side: Side) =>
        side === 'source'
          ? hasProbeAtSource(connector, accounts.source, input.token, signal)
          : hasProbeAtTarget(connector, accounts.target, input.token, signal);
      if (input.notAt !== null && (await isAt(input.notAt))) {
        throw new MigrationError('PROBE_ASTRAY', `the probe message arrived at the ${input.notAt}`, {
          facts: { step: input.step },
        });
      }
      if (!(await isAt(input.arrivesAt))) {
        const waitedMs = Date.now() - input.sentAtMs;
        if (waitedMs > plan.policy.probeTimeoutMs) {
          throw new MigrationError(
            'PROBE_ASTRAY',
            `the probe message did not arrive at the ${input.arrivesAt} in ${Math.round(waitedMs / 1_000)} s`,
            { facts: { step: input.step } },
          );
        }
        throw new MigrationError('PROBE_NOT_ARRIVED', `the probe message is not at the ${input.arrivesAt} yet`, {
          retryAfterMs: LOOK_EVERY_MS,
        });
      }
      const evidenceId = await store.recordEvidence(input.migrationId, input.step, {
        ...(await redirectionEvidence(store, input.migrationId, input.step)),
        probe: { token: input.token, mailboxId: input.mailboxId, arrivedAt: input.arrivesAt, absentAt: input.notAt },
      });
      return { evidenceId };
    },
  };
}

/** What the step stored before the probe stays part of its evidence. */
async function redirectionEvidence(store: MigrationStore, migrationId: string, step: StepId) {
  const found = await store.findEvidence(migrationId, step);
  return typeof found?.body === 'object' && found.body !== null && !Array.isArray(found.body) ? found.body : {};
}
