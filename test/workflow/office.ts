import { createHash } from 'node:crypto';
import { ApplicationFailure, Context } from '@temporalio/activity';
import type { DnsActivities } from '../../activities/dns.ts';
import type { ExchangeActivities } from '../../activities/exchange.ts';
import type { PlanCounts } from '../../activities/provisioning.ts';
import type { DecisionCheck, StoryActivities } from '../../activities/story.ts';
import type { TransferActivities } from '../../activities/transfer.ts';
import type { WaveActivities } from '../../activities/waves.ts';
import { type ErrorCode, MigrationError } from '../../domain/errors.ts';
import type { MigrationSettings } from '../../domain/migration-settings.ts';
import type { MigrationView } from '../../domain/migration-view.ts';
import { DEFAULT_POLICY } from '../../domain/plan.ts';
import type { Json, Verdict } from '../../domain/ports/store.ts';
import type { RedirectionMeans } from '../../domain/redirection.ts';
import type { AcknowledgedStep, GateId, GateParty } from '../../domain/steps.ts';
import { toTemporalFailure } from '../../workers/interceptors.ts';

type AllActivities = StoryActivities & WaveActivities & TransferActivities & ExchangeActivities & DnsActivities;
export type ActivityName = keyof AllActivities;

export const NO_CONFLICT: PlanCounts = { create: 2, adopt: 0, change: 0, conflict: 0, codes: {} };

interface OfficeMailbox {
  readonly id: string;
  readonly position: number;
  dropped: boolean;
  held: boolean;
  passNumber: number;
  /** Messages that wait at the source. */
  waiting: number;
}

export interface OfficeGate {
  readonly gateId: string;
  readonly gate: GateId;
  readonly digest: string;
  state: string;
}

/**
 * Stands in for everything around the workflows: an office that answers activities from memory, counts the calls, and can be told to
 * fail. Time is the test server's, so nothing here waits.
 */
export class Office {
  readonly calls: { name: ActivityName; input: unknown }[] = [];
  readonly views: MigrationView[] = [];
  readonly gates: OfficeGate[] = [];
  readonly decisions = new Map<string, DecisionCheck>();
  readonly asked: AcknowledgedStep[] = [];
  readonly evidence: { step: string; body: Json }[] = [];
  readonly signals: string[] = [];
  mailboxes: OfficeMailbox[] = [];
  settings: MigrationSettings;
  /** Changes the evidence of gates when it changes. */
  facts = 'as planned';
  drainSeconds = 0;
  sendSignal: (mailboxId: string, passName: { kind: string; number: number }, signal: string) => Promise<void> =
    async () => undefined;
  private readonly faults = new Map<string, (ErrorCode | 'hang')[]>();

  constructor(mailboxes = 2, settings: Partial<MigrationSettings> = {}) {
    this.settings = {
      clientId: 'acme',
      clientName: 'Acme',
      targetKind: 'hosted-exchange',
      hasDns: true,
      timeZone: 'Europe/Vienna',
      wantsAddOns: true,
      mailboxes,
      cutoverAt: null,
      dnsPath: 'direct',
      policy: { ...DEFAULT_POLICY, propagationGraceMs: 0 },
      ...settings,
    };
    for (let n = 0; n < mailboxes; n += 1) this.addMailbox();
  }

  addMailbox(): OfficeMailbox {
    const position = this.mailboxes.length;
    const mailbox = { id: `mbx_${position}`, position, dropped: false, held: false, passNumber: 0, waiting: 3 };
    this.mailboxes.push(mailbox);
    return mailbox;
  }

  /** The next calls of an activity fail with these codes, in order; `mailboxId` narrows it to one mailbox. */
  fail(name: ActivityName, codes: (ErrorCode | 'hang')[], mailboxId = ''): void {
    this.faults.set(name + mailboxId, codes);
  }

  /** Faults that were not met: a fault that never fired proves nothing. */
  unmet(): string[] {
    return [...this.faults].filter(([, codes]) => codes.length > 0).map(([name]) => name);
  }

  count(name: ActivityName): number {
    return this.calls.filter((call) => call.name === name).length;
  }

  get openGate(): OfficeGate | undefined {
    return this.gates.findLast((gate) => gate.state === 'open');
  }

  decide(gate: OfficeGate, party: GateParty, personId: string, verdict: Verdict, digest = gate.digest): DecisionCheck {
    const decision: DecisionCheck = {
      id: `dec_${this.decisions.size + 1}`,
      migrationId: '',
      gateId: gate.gateId,
      step: null,
      digest,
      party,
      personId,
      verdict,
    };
    this.decisions.set(decision.id, decision);
    return decision;
  }

  activities(): AllActivities {
    const answers = this.answers();
    const wrapped = Object.entries(answers).map(([name, answer]) => [
      name,
      async (input: unknown) => {
        this.calls.push({ name: name as ActivityName, input });
        await this.meetFault(name, input);
        try {
          return await (answer as (input: unknown) => Promise<unknown>)(input);
        } catch (error) {
          throw toTemporalFailure(error);
        }
      },
    ]);
    return Object.fromEntries(wrapped) as AllActivities; // the same keys, each of the same shape
  }

  private async meetFault(name: string, input: unknown): Promise<void> {
    const mailboxId =
      typeof input === 'object' && input !== null && 'mailboxId' in input ? String(input.mailboxId) : '';
    const code = (this.faults.get(name + mailboxId) ?? this.faults.get(name))?.shift();
    if (code === undefined) return;
    if (code === 'hang') {
      const context = Context.current();
      const beat = setInterval(() => context.heartbeat(), 100);
      await context.cancelled.finally(() => clearInterval(beat));
    }
    if (code !== 'hang')
      throw toTemporalFailure(new MigrationError(code, `told to fail with ${code}`, { retryAfterMs: 200 }));
  }

  private due(input: { pass: { number: number }; afterPosition: number }): OfficeMailbox[] {
    return this.mailboxes.filter(
      (each) => !each.dropped && each.passNumber < input.pass.number && each.position > input.afterPosition,
    );
  }

  private find(id: string): OfficeMailbox {
    const mailbox = this.mailboxes.find((each) => each.id === id);
    if (!mailbox) throw ApplicationFailure.nonRetryable(`no mailbox ${id}`);
    return mailbox;
  }

  private answers(): AllActivities {
    return {
      readSettings: async () => this.settings,
      publishView: async ({ view }) => void this.views.push(view),
      recordEvidence: async ({ step, body }) => {
        this.evidence.push({ step, body });
        return `ev_${this.evidence.length}`;
      },
      recordAgreement: async () => 'ev_agreement',
      openGate: async ({ migrationId: _, gate, context }) => {
        const live = this.mailboxes.filter((each) => !each.dropped).map((each) => each.id);
        const digest = createHash('sha256')
          .update(JSON.stringify([gate, context, live, this.facts]))
          .digest('hex');
        const open = this.gates.findLast((each) => each.gate === gate && each.state === 'open');
        if (open?.digest === digest) return { gateId: open.gateId, digest, opened: false };
        if (open) open.state = 'superseded';
        const gateId = `gate_${this.gates.length + 1}`;
        this.gates.push({ gateId, gate, digest, state: 'open' });
        return { gateId, digest, opened: true };
      },
      settleGate: async ({ gateId, state }) => {
        const gate = this.gates.find((each) => each.gateId === gateId);
        if (gate) gate.state = state;
      },
      remind: async () => undefined,
      checkDecision: async (decisionId) => this.decisions.get(decisionId) ?? null,
      requestAcknowledgement: async ({ step }) => void this.asked.push(step),
      countPass: async ({ pass }) => {
        const live = this.mailboxes.filter((each) => !each.dropped);
        return {
          total: live.length,
          done: live.filter((each) => each.passNumber >= pass.number).length,
          held: live.filter((each) => each.held).length,
        };
      },
      hasDue: async (input) => this.due(input).length > 0,
      countMoved: async ({ pass }) => this.moved.get(pass.number) ?? 0,
      dropMailboxes: async ({ mailboxIds, pass }) => {
        for (const id of mailboxIds) this.find(id).dropped = true;
        if (pass) for (const id of mailboxIds) await this.sendSignal(id, pass, 'drop');
      },
      signalMailboxes: async ({ pass, mailboxIds, signal }) => {
        const ids = mailboxIds ?? this.mailboxes.filter((each) => each.held).map((each) => each.id);
        for (const id of ids) {
          this.signals.push(`${signal} ${id}`);
          await this.sendSignal(id, pass, signal);
        }
        return ids.length;
      },
      issueCertificate: async () => 'ev_certificate',
      pageDue: async (input) => {
        const page = this.due(input).slice(0, input.limit);
        return { mailboxIds: page.map((each) => each.id), lastPosition: page.at(-1)?.position ?? null };
      },
      holdMailbox: async ({ mailboxId }) => {
        this.find(mailboxId).held = true;
      },
      releaseMailbox: async ({ mailboxId }) => {
        this.find(mailboxId).held = false;
      },
      preflightPage: async ({ afterPosition, limit }) => {
        const page = this.mailboxes.filter((each) => !each.dropped && each.position > afterPosition).slice(0, limit);
        return { lastPosition: page.at(-1)?.position ?? null, ok: page.length, failed: 0 };
      },
      lookAtMailboxes: async ({ pass, mailboxIds }) => {
        const withWork = mailboxIds.filter((id) => this.find(id).waiting > 0 || pass.kind === 'initial');
        for (const id of mailboxIds) if (!withWork.includes(id)) this.find(id).passNumber = pass.number;
        return { withWork: [...withWork], unchanged: mailboxIds.length - withWork.length };
      },
      copyMailbox: async ({ mailboxId }) => {
        const moved = this.find(mailboxId).waiting;
        this.find(mailboxId).waiting = 0;
        this.brought.set(mailboxId, moved);
        return { moved, refused: 0, vanished: 0 };
      },
      verifyMailbox: async ({ mailboxId, pass }) => {
        const moved = this.brought.get(mailboxId) ?? 0;
        this.brought.delete(mailboxId);
        this.find(mailboxId).passNumber = pass.number;
        this.find(mailboxId).held = false;
        this.moved.set(pass.number, (this.moved.get(pass.number) ?? 0) + moved);
        return { moved };
      },
      sendProbe: async () => ({ token: 'probe', mailboxId: 'mbx_0', sentAtMs: 0 }),
      proveProbe: async () => ({ evidenceId: 'ev_probe' }),
      provisionPage: async ({ afterPosition, limit }) => {
        const page = this.mailboxes.filter((each) => !each.dropped && each.position > afterPosition).slice(0, limit);
        return {
          lastPosition: page.at(-1)?.position ?? null,
          made: page.length,
          adopted: 0,
          conflicts: this.conflicting,
        };
      },
      planProvisioning: async () => this.plans.shift() ?? NO_CONFLICT,
      provisionLists: async () => ({ made: 1, adopted: 0, conflicts: 0 }),
      prepareImport: async () => ({ raised: 2, held: 2, refused: 0, told: 0 }),
      restoreSettings: async () => ({ restored: 6, left: 0 }),
      undoProvisioning: async () => ({ removed: 4, left: 1 }),
      readBackAccounts: async () => ({ evidenceId: 'ev_accounts', differences: 0 }),
      enableAddOns: async () => ({ evidenceId: 'ev_addons', enabled: 2 }),
      setRedirection: async ({ on }) => ({ evidenceId: on ? 'ev_on' : 'ev_off', means: on ? this.means : null }),
      rollBackRedirection: async () => ({ outcome: 'off' }),
      observeRecords: async () => ({ drainSeconds: this.drainSeconds }),
      confirmRecords: async () => ({ evidenceId: 'ev_dns', servers: 2 }),
      confirmSpf: async () => ({ evidenceId: 'ev_spf' }),
      watchRecords: async () => ({ regressions: 0 }),
    };
  }

  /** By which the tenant redirects. */
  means: RedirectionMeans = 'relay';
  /** What the next plans of provisioning come to; without any there is no conflict. */
  plans: PlanCounts[] = [];
  /** Mailboxes that provisioning leaves alone. */
  conflicting: string[] = [];

  /** Copied and not yet verified. */
  private readonly brought = new Map<string, number>();
  private readonly moved = new Map<number, number>();
}
