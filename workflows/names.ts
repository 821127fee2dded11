import type { Pass } from '../domain/passes.ts';
import { passName } from '../domain/passes.ts';
import type { DnsPath } from '../domain/plan.ts';
import type { AcknowledgedStep } from '../domain/steps.ts';

/**
 * Ids, queues and message names: contracts with running histories. A change here is a change for every migration that
 * is under way.
 */

export const migrationWorkflowId = (migrationId: string): string => `migration/${migrationId}`;
export const waveWorkflowId = (migrationId: string, pass: Pass, wave: number): string =>
  `migration/${migrationId}/${passName(pass)}/wave/${wave}`;
export const mailboxPassWorkflowId = (migrationId: string, pass: Pass, mailboxId: string): string =>
  `migration/${migrationId}/${passName(pass)}/mailbox/${mailboxId}`;
export const supportWorkflowId = (migrationId: string): string => `migration/${migrationId}/support`;
export const provisioningWorkflowId = (migrationId: string, what: 'plan' | 'undo'): string =>
  `migration/${migrationId}/provisioning/${what}`;
export const preflightWorkflowId = (migrationId: string): string => `migration/${migrationId}/preflight`;

export const TASK_QUEUES = {
  /** Workflows, and the short activities of the story. */
  orchestration: 'mailferry-orchestration',
  /** Reading and writing mail: no workflows are loaded there. */
  transfer: 'mailferry-transfer',
  exchangeAdmin: 'mailferry-exchange-admin',
  dns: 'mailferry-dns',
} as const;

export const WORKFLOW_TYPES = {
  migration: 'migration',
  mailboxWave: 'mailboxWave',
  mailboxPass: 'mailboxPass',
  support: 'support',
  preflight: 'preflight',
  provisioning: 'provisioning',
} as const;

/** Search attributes are not encrypted: ids and words, never an address. Types as Temporal names them. */
export const SEARCH_ATTRIBUTES = {
  MailferryMigration: 'Keyword',
  MailferryClient: 'Keyword',
  MailferryPhase: 'Keyword',
  MailferryStep: 'Keyword',
  /** Parties that have to act: client, provider, users; with a code for held mailboxes, e.g. `provider:AUTH_FAILED`. */
  MailferryWaitingFor: 'KeywordList',
  /** Per cent of the pass under way. */
  MailferryProgress: 'Int',
} as const;

export const SIGNALS = {
  /** A person's decision; carries a DecisionSignal. */
  decision: 'decision',
  /** To waves and mailbox passes. */
  pause: 'pause',
  resume: 'resume',
  /** To a mailbox pass: try again now what was held; read the mapping anew; or give up because it was dropped. */
  retry: 'retry',
  remap: 'remap',
  drop: 'drop',
  /** From a mailbox pass to its wave. */
  held: 'held',
  resting: 'resting',
  unheld: 'unheld',
  /** A wave's leave to go on after a hold: the window is the wave's. */
  go: 'go',
  /** From a wave to its migration, or to support. */
  waveProgress: 'waveProgress',
  /** Between a migration and its support. */
  openIssues: 'openIssues',
  supportReport: 'supportReport',
} as const;

/** Updates of the migration workflow and their arguments. Each returns an UpdateReceipt. */
export interface UpdateArguments {
  pause: { by: string; reason: string };
  resume: { by: string };
  retryMailboxes: { by: string /** null = all that are held */; mailboxIds: readonly string[] | null };
  addMailboxes: { by: string; changeId: string; count: number };
  dropMailboxes: { by: string; mailboxIds: readonly string[] };
  changeMapping: { by: string; mailboxId: string };
  /** RFC 3339. */
  setCutoverDate: { by: string; at: string };
  setDnsPath: { by: string; path: DnsPath };
  acknowledge: { by: string; step: AcknowledgedStep; note: string };
  reportIssue: { by: string; issueId: string; blocksData: boolean };
  settleIssue: { by: string; issueId: string };
}
export type UpdateName = keyof UpdateArguments;

export interface UpdateReceipt {
  /** What happens now, one sentence. */
  readonly message: string;
}

export const STATE_QUERY = 'state';
