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

/** Of a probe that looks for a loop: sendmail stops at 25, which leaves the old server's own hops. */
const HOPS = 15;

/** How often a mailbox is looked into while a probe is on its way. */
const LOOK_EVERY_MS = 2_000;

/** Probe messages prove which way mail takes: the only evidence of redirection from end to end. */
export function createProbeActivities({ store, connector, prober, probeSender, probeFrom }: ProbePorts) {
  const routes = createRouteKeeper({ store, prober });
  return {
    /**
     * Sends a probe to the first mailbox of the list, as an outside sender would. The token follows from migration, step and run, so a
     * repeat sends the same message again, which proves the same. `via: 'old-server'`: straight to where redirected mail would go.
     * @throws HOST_UNREACHABLE, CONNECTION_LOST, MESSAGE_REFUSED, REDIRECTION_LOOP
     */
    async sendProbe(input: {
      migrationId: string;
      step: StepId;
      via?: 'tenant' | 'old-server';
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
      const isForLoop = input.via === 'old-server';
      await probeSender.send(
        isForLoop ? plan.target.redirectTo : plan.target.smtp,
        {
          ...(isForLoop && { hops: HOPS }),
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
     * Succeeds when the probe is where it belongs and not where it does not. `alsoAt`: a copy belongs there, too. `looksForLoop`: it
     * was sent to the old server, which has to keep it.
     * @throws PROBE_NOT_ARRIVED until then (look again); PROBE_ASTRAY, or REDIRECTION_LOOP for one that looks for a loop, when it is
     *         on the wrong side; PROBE_ASTRAY when the time is up
     */
    async proveProbe(input: {
      migrationId: string;
      step: StepId;
      token: string;
      mailboxId: string;
      sentAtMs: number;
      arrivesAt: Side;
      notAt: Side | null;
      alsoAt?: Side | null;
      looksForLoop?: boolean;
    }): Promise<{ evidenceId: string }> {
      const { plan } = await store.getMigration(input.migrationId);
      const mailbox = await store.getMailbox(input.mailboxId);
      const { source, target } = mailAccounts(plan, mailbox);
      const accounts = { source, target: await routes.find(plan, mailbox, target) };
      const signal = Context.current().cancellationSignal;
      const { alsoAt = null, looksForLoop = false } = input;
      const isAt = (side: Side) =>
        side === 'source'
          ? hasProbeAtSource(connector, accounts.source, input.token, signal)
          : hasProbeAtTarget(connector, accounts.target, input.token, signal);
      if (input.notAt !== null && (await isAt(input.notAt))) {
        throw new MigrationError(
          looksForLoop ? 'REDIRECTION_LOOP' : 'PROBE_ASTRAY',
          looksForLoop
            ? 'a probe message that was handed to the old server came back to the tenant'
            : `the probe message arrived at the ${input.notAt}`,
          { facts: { step: input.step } },
        );
      }
      for (const side of alsoAt === null ? [input.arrivesAt] : [input.arrivesAt, alsoAt]) {
        if (await isAt(side)) continue;
        const waitedMs = Date.now() - input.sentAtMs;
        if (waitedMs > plan.policy.probeTimeoutMs) {
          throw new MigrationError(
            'PROBE_ASTRAY',
            `the probe message did not arrive at the ${side} in ${Math.round(waitedMs / 1_000)} s`,
            { facts: { step: input.step } },
          );
        }
        throw new MigrationError('PROBE_NOT_ARRIVED', `the probe message is not at the ${side} yet`, {
          retryAfterMs: LOOK_EVERY_MS,
        });
      }
      const proof = {
        token: input.token,
        mailboxId: input.mailboxId,
        arrivedAt: input.arrivesAt,
        absentAt: input.notAt,
        ...(alsoAt !== null && { alsoAt }),
      };
      const evidenceId = await store.recordEvidence(input.migrationId, input.step, {
        ...(await redirectionEvidence(store, input.migrationId, input.step)),
        ...(looksForLoop ? { loopProbe: proof } : { probe: proof }),
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
