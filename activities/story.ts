import { ACKNOWLEDGEMENT_TEXTS } from '../domain/acknowledgement-texts.ts';
import type { MigrationSettings } from '../domain/migration-settings.ts';
import type { MigrationView } from '../domain/migration-view.ts';
import type { Pass } from '../domain/passes.ts';
import type { ApprovalStore, GateState, Json, MigrationStore, StoredDecision } from '../domain/ports/store.ts';
import type { AcknowledgedStep, GateId, StepId } from '../domain/steps.ts';
import { type GateContext, gatherEvidence } from './evidence.ts';
import { listAllMailboxes } from './mailbox-pages.ts';

/** Signals to the mailbox passes that are under way; those that have ended are passed over. */
export interface MailboxSignals {
  send(migrationId: string, pass: Pass, mailboxId: string, signal: 'retry' | 'remap' | 'drop'): Promise<void>;
}

export interface StoryPorts {
  readonly store: MigrationStore;
  readonly approvals: ApprovalStore;
  readonly mailboxSignals: MailboxSignals;
  /** Where clients reach the portal, without a slash at the end. */
  readonly publicUrl: string;
}

export type StoryActivities = ReturnType<typeof createStoryActivities>;

/** The decision as the workflow may know it: ids and words, no comment. */
export type DecisionCheck = Pick<
  StoredDecision,
  'id' | 'migrationId' | 'gateId' | 'step' | 'digest' | 'party' | 'personId' | 'verdict'
>;

/** Short activities of the story itself: database work, never mail. Each is idempotent. */
export function createStoryActivities({ store, approvals, mailboxSignals, publicUrl }: StoryPorts) {
  return {
    async readSettings(migrationId: string): Promise<MigrationSettings> {
      const { plan } = await store.getMigration(migrationId);
      const { total } = await store.countMailboxes(migrationId, { kind: 'initial', number: 0 });
      let wantsAddOns = false;
      for await (const { planned } of listAllMailboxes(store, migrationId)) wantsAddOns ||= planned.addOns.length > 0;
      return {
        clientId: plan.client.id,
        clientName: plan.client.name,
        targetKind: plan.target.kind === 'hosted-exchange' ? 'hosted-exchange' : 'imap',
        hasDns: plan.dns !== null,
        policy: plan.policy,
        timeZone: plan.cutover.timeZone,
        wantsAddOns,
        mailboxes: total,
        cutoverAt: plan.cutover.at,
        dnsPath: plan.dns?.path ?? null,
      };
    },

    async publishView(input: { migrationId: string; view: MigrationView }): Promise<void> {
      await store.recordView(input.migrationId, input.view);
    },

    async recordEvidence(input: { migrationId: string; step: StepId; body: Json }): Promise<string> {
      return await store.recordEvidence(input.migrationId, input.step, input.body);
    },

    /** A1: the agreed text with who agreed and when, as the plan carries it. */
    async recordAgreement(migrationId: string): Promise<string> {
      const { plan } = await store.getMigration(migrationId);
      return await store.recordEvidence(migrationId, 'A1', { ...plan.agreement });
    },

    /** Freezes what the person is asked to approve; the same evidence twice is the same revision. */
    async openGate(input: {
      migrationId: string;
      gate: GateId;
      context: GateContext;
    }): Promise<{ gateId: string; digest: string; opened: boolean }> {
      const evidence = await gatherEvidence(store, input.migrationId, input.gate, input.context);
      const { gateId, digest, opened } = await approvals.openGate({
        migrationId: input.migrationId,
        gate: input.gate,
        evidence,
        publicUrl,
      });
      return { gateId, digest, opened };
    },

    async settleGate(input: { gateId: string; state: Exclude<GateState, 'open'> }): Promise<void> {
      await approvals.settleGate(input.gateId, input.state);
    },

    async remind(input: { migrationId: string; gateId: string | null; step: AcknowledgedStep | null }): Promise<void> {
      await approvals.remind({ ...input, publicUrl });
    },

    /** Null when nobody decided this: the signal was forged. */
    async checkDecision(decisionId: string): Promise<DecisionCheck | null> {
      const decision = await approvals.findDecision(decisionId);
      if (!decision) return null;
      const { id, migrationId, gateId, step, digest, party, personId, verdict } = decision;
      return { id, migrationId, gateId, step, digest, party, personId, verdict };
    },

    async requestAcknowledgement(input: { migrationId: string; step: AcknowledgedStep }): Promise<void> {
      await approvals.requestAcknowledgement({ ...input, text: ACKNOWLEDGEMENT_TEXTS[input.step], publicUrl });
    },

    async countPass(input: {
      migrationId: string;
      pass: Pass;
    }): Promise<{ total: number; done: number; held: number }> {
      return await store.countMailboxes(input.migrationId, input.pass);
    },

    /** Whether a pass has mailboxes left after a position of the list. */
    async hasDue(input: { migrationId: string; pass: Pass; afterPosition: number }): Promise<boolean> {
      return (await store.pageDueMailboxes(input.migrationId, input.pass, input.afterPosition, 1)).length > 0;
    },

    async countMoved(input: { migrationId: string; pass: Pass }): Promise<number> {
      return await store.countMoved(input.migrationId, input.pass);
    },

    async dropMailboxes(input: {
      migrationId: string;
      mailboxIds: readonly string[];
      pass: Pass | null;
    }): Promise<void> {
      await store.dropMailboxes(input.migrationId, input.mailboxIds);
      if (!input.pass) return;
      for (const id of input.mailboxIds) await mailboxSignals.send(input.migrationId, input.pass, id, 'drop');
    },

    /** `mailboxIds: null` means: all that are held. Returns how many were told. */
    async signalMailboxes(input: {
      migrationId: string;
      pass: Pass;
      mailboxIds: readonly string[] | null;
      signal: 'retry' | 'remap';
    }): Promise<number> {
      const ids = input.mailboxIds ?? (await heldMailboxes(store, input.migrationId));
      for (const id of ids) await mailboxSignals.send(input.migrationId, input.pass, id, input.signal);
      return ids.length;
    },

    /** C7: the numbers that both sides agreed to, as the database counts them. */
    async issueCertificate(input: { migrationId: string; gateId: string }): Promise<string> {
      const gate = await approvals.getGate(input.gateId);
      const { plan } = await store.getMigration(input.migrationId);
      const body: Json = {
        client: plan.client.name,
        statement: 'The migration is complete; every source message ended in exactly one terminal state.',
        tally: { ...(await store.tallyMigration(input.migrationId)) },
        evidenceDigest: gate.digest,
        agreedBy: gate.decisions.map(({ id, party, personId, decidedAt }) => ({ id, party, personId, decidedAt })),
      };
      return await store.recordEvidence(input.migrationId, 'C7', body);
    },
  };
}

async function heldMailboxes(store: MigrationStore, migrationId: string): Promise<string[]> {
  const held: string[] = [];
  for await (const mailbox of store.listMailboxes(migrationId)) if (mailbox.status === 'held') held.push(mailbox.id);
  return held;
}
