import type { Forecast } from './forecast.ts';
import type { Tally } from './mail.ts';
import type { PassKind } from './passes.ts';
import type { DnsPath } from './plan.ts';
import type { MailboxRoutes } from './routes.ts';
import type { GateId, Party, Phase, StepId, StepState } from './steps.ts';

/**
 * What lists, boards and reports show of a migration. The workflow publishes it; readers never ask the workflow, so a list
 * needs no live worker. JSON only, no addresses.
 */
export interface MigrationView {
  readonly status: 'draft' | 'running' | 'paused' | 'completed' | 'in-support' | 'ended' | 'cancelled';
  readonly phase: Phase;
  /** The step that is being done or waited for. */
  readonly step: StepId | null;
  readonly waitingFor: readonly Party[];
  /** One sentence: what happens now or who has to do what. */
  readonly headline: string;
  readonly steps: Readonly<Record<StepId, StepState>>;
  readonly openGate: { readonly gate: GateId; readonly gateId: string; readonly digest: string } | null;
  readonly cutoverAt: string | null;
  readonly dnsPath: DnsPath | null;
  readonly pass: {
    readonly kind: PassKind;
    readonly number: number;
    readonly done: number;
    readonly total: number;
    readonly held: number;
  } | null;
  /** Per cent of mailboxes that are through the pass under way, or 100 between passes. */
  readonly progress: number;
  readonly updatedAt: string;
}

export type MailboxStatus = 'listed' | 'ready' | 'copying' | 'copied' | 'held' | 'dropped';

export interface MailboxView {
  readonly id: string;
  readonly migrationId: string;
  readonly address: string;
  readonly displayName: string;
  readonly sourceUser: string;
  readonly targetUser: string;
  readonly status: MailboxStatus;
  /** Why a person is needed (`held`); code of the error catalogue. */
  readonly heldCode: string | null;
  readonly heldMessage: string | null;
  readonly preflight: PreflightVerdict | null;
  /** Null before the first probe, and of a plain IMAP target. */
  readonly routes: MailboxRoutes | null;
  readonly tally: Tally;
  readonly lastPass: {
    readonly kind: PassKind;
    readonly number: number;
    readonly finishedAt: string;
    readonly moved: number;
  } | null;
}

export interface PreflightVerdict {
  readonly ok: boolean;
  readonly code: string | null;
  readonly message: string | null;
  readonly tls: boolean;
  readonly folders: number;
  readonly messages: number;
  /** Null where sizes were not read. */
  readonly bytes: number | null;
  readonly capabilities: readonly string[];
  readonly renames: readonly { readonly from: string; readonly to: string; readonly why: string }[];
  /** Absent where the source could not be looked at, and in verdicts of versions that made none. */
  readonly forecast?: Forecast;
}
