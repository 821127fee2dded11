import type { ColumnType, Generated } from 'kysely';
import type { ErrorCode } from '../../domain/errors.ts';
import type { FolderPath, FolderRole, MessageState } from '../../domain/mail.ts';
import type { MailboxStatus, MigrationView, PreflightVerdict } from '../../domain/migration-view.ts';
import type { PassKind } from '../../domain/passes.ts';
import type { AccessReport } from '../../domain/permissions.ts';
import type { Plan, PlannedMailbox } from '../../domain/plan.ts';
import type { DeviationCode } from '../../domain/ports/ledger.ts';
import type { ReportKind } from '../../domain/ports/provisioning-store.ts';
import type { GateState, IssueKind, Json, Verdict } from '../../domain/ports/store.ts';
import type { MadeKind, MadeState } from '../../domain/provisioning/made.ts';
import type { MailboxRoutes } from '../../domain/routes.ts';
import type { AcknowledgedStep, GateId, GateParty, StepId } from '../../domain/steps.ts';

/** The tables as TypeScript sees them; `migrations/` makes them. Times are RFC 3339 text, set by the database's clock. */
export interface Database {
  migrations: MigrationsTable;
  mailboxes: MailboxesTable;
  target_claims: TargetClaimsTable;
  passes: PassesTable;
  evidence: EvidenceTable;
  made_objects: MadeObjectsTable;
  provisioning_reports: ProvisioningReportsTable;
  issues: IssuesTable;
  leases: LeasesTable;
  target_folders: TargetFoldersTable;
  folders: FoldersTable;
  messages: MessagesTable;
  verifications: VerificationsTable;
  deviations: DeviationsTable;
  host_places: HostPlacesTable;
  host_waiters: HostWaitersTable;
  refused_sign_ins: RefusedSignInsTable;
  gates: GatesTable;
  acknowledgements: AcknowledgementsTable;
  links: LinksTable;
  challenges: ChallengesTable;
  decisions: DecisionsTable;
  audit: AuditTable;
  outbox: OutboxTable;
  operators: OperatorsTable;
  requests: RequestsTable;
}

type DatabaseTime = Generated<string>;
/** A bigint that the database counts up. */
type Counter = ColumnType<number, never, never>;

interface MigrationsTable {
  id: string;
  number: Counter;
  plan: Plan;
  view: MigrationView | null;
  access: AccessReport | null;
  created_at: DatabaseTime;
  created_by: string;
}

interface MailboxesTable {
  /** Stands in the message rows for `id`, which is four times as long. */
  number: Counter;
  id: string;
  migration_id: string;
  position: number;
  address: string;
  planned: PlannedMailbox;
  status: Generated<MailboxStatus>;
  held_code: ErrorCode | null;
  held_message: string | null;
  preflight: PreflightVerdict | null;
  routes: MailboxRoutes | null;
  mapping: Generated<Record<string, string>>;
  pass_number: Generated<number>;
  /** The change that added it; null for the first list. */
  change_id: string | null;
  /** So many deletions a person has allowed for the next delta. */
  allowed_deletions: number | null;
}

interface TargetClaimsTable {
  /** Target host and user in lower case: one target mailbox belongs to one migration under way. */
  target: string;
  migration_id: string;
  mailbox_id: string;
}

interface PassesTable {
  migration_id: string;
  mailbox_id: string;
  pass_number: number;
  kind: PassKind;
  moved: number;
  finished_at: DatabaseTime;
}

interface MadeObjectsTable {
  turn: Counter;
  migration_id: string;
  kind: MadeKind;
  address: string;
  detail: string;
  state: MadeState;
  before: string | null;
  at: DatabaseTime;
}

interface ProvisioningReportsTable {
  migration_id: string;
  kind: ReportKind;
  body: Json;
  at: DatabaseTime;
}

interface EvidenceTable {
  id: string;
  migration_id: string;
  step: StepId;
  /** Canonical JSON. */
  body: string;
  recorded_at: DatabaseTime;
  /** Grows with each recording, also of a body seen before: the highest one of a step is its newest. */
  turn: Counter;
}

interface IssuesTable {
  id: string;
  number: Counter;
  migration_id: string;
  mailbox_id: string | null;
  kind: IssueKind;
  text: string;
  reported_by: string;
  reported_at: DatabaseTime;
  outcome: 'resolved' | 'accepted' | null;
  note: string | null;
  settled_by: string | null;
  settled_at: string | null;
}

interface LeasesTable {
  mailbox_id: string;
  mailbox_number: number;
  fence: number;
  holder: string;
  taken_at: DatabaseTime;
  renewed_at: DatabaseTime;
  released: Generated<boolean>;
  /** Until then a holder before this one may still be at work on the target. */
  settles_at: DatabaseTime;
}

interface TargetFoldersTable {
  id: Counter;
  mailbox_number: number;
  /** JSON text of the path. */
  path: string;
}

interface FoldersTable {
  id: Counter;
  mailbox_number: number;
  source_id: string;
  source_path: FolderPath;
  role: FolderRole;
  target_folder_id: number;
  uid_validity: string | null;
  uid_next: number | null;
  exists_count: number | null;
  highest_mod_seq: string | null;
  fault_code: ErrorCode | null;
  fault_message: string | null;
  status_count: number | null;
  search_count: number | null;
  fetch_count: number | null;
}

interface MessagesTable {
  mailbox_number: number;
  folder_id: number;
  uid_validity: string;
  uid: number;
  size_bytes: number;
  internal_date: string | null;
  flags: string[];
  state: MessageState;
  present: boolean;
  seen_fence: number;
  seen_pass: number;
  fingerprint: string | null;
  intent_uid_next: number | null;
  target_folder_id: number | null;
  target_uid_validity: string | null;
  target_uid: number | null;
  delivered_pass: number | null;
  given_away: boolean;
  code: ErrorCode | null;
  /** Why it was refused or excluded, or what was repaired; never words of the message. */
  detail: string | null;
  /** Where an intended message was sent to. */
  intent_target_folder_id: number | null;
  /** Null: as `fingerprint`. */
  copy_fingerprint: string | null;
  /** Given to the copy last. */
  delivered_flags: string[] | null;
  /** Null: as `internal_date`. */
  delivered_at: string | null;
  /** X-GM-MSGID of Gmail; null elsewhere. */
  origin_id: string | null;
  /** Of a copy whose message was deleted at the source; `removed` ones are given away. */
  removal: 'intended' | 'removed' | null;
  /** Of an intended message: what it will be; null in rows of before. */
  intent_state: 'copied' | 'repaired' | 'wrapped' | null;
}

interface VerificationsTable {
  mailbox_number: number;
  target_folder_id: number;
  pass_number: number;
  lost: number;
  doubled: number;
  misfiled: Generated<number>;
  changed: Generated<number>;
  altered: Generated<number>;
  dates_moved: Generated<number>;
  flags_lost: Generated<number>;
  seen: number;
  verified_at: DatabaseTime;
}

interface DeviationsTable {
  mailbox_number: number;
  number: Counter;
  target_folder_id: number;
  /** Of the lease under which it was named. */
  fence: number;
  /** False while its verification has not ended. */
  current: Generated<boolean>;
  code: DeviationCode;
  target_uid: number | null;
  source_path: FolderPath | null;
  uid_validity: string | null;
  uid: number | null;
  size_bytes: number;
  received_at: string | null;
  detail: string;
}

interface HostPlacesTable {
  /** `name:port` in lower case. */
  host: string;
  number: number;
  holder: string | null;
  /** Grows with each taking. */
  turn: number;
  expires_at: string;
}

interface HostWaitersTable {
  host: string;
  holder: string;
  place_limit: number;
  expires_at: string;
}

interface RefusedSignInsTable {
  /** `user@host:port`. */
  account: string;
  /** Key of the digests, random for each account. */
  salt: Buffer;
  /** HMAC-SHA-256 of secrets, in hex. */
  digests: Generated<string[]>;
  refused_at: DatabaseTime;
}

interface GatesTable {
  id: string;
  number: Counter;
  migration_id: string;
  gate: GateId;
  revision: number;
  digest: string;
  /** Canonical JSON: the very bytes under the digest. */
  evidence: string;
  state: Generated<GateState>;
  opened_at: DatabaseTime;
  settled_at: string | null;
}

interface AcknowledgementsTable {
  id: string;
  migration_id: string;
  step: AcknowledgedStep;
  text: string;
  state: Generated<'open' | 'done'>;
  asked_at: DatabaseTime;
}

interface LinksTable {
  id: string;
  migration_id: string;
  contact_id: string;
  gate_id: string | null;
  acknowledgement_id: string | null;
  token_hash: string;
  state: Generated<'live' | 'used' | 'revoked'>;
  made_at: DatabaseTime;
  expires_at: string;
}

interface ChallengesTable {
  number: Counter;
  link_id: string;
  code_hash: string;
  wrong: Generated<number>;
  made_at: DatabaseTime;
  expires_at: string;
}

interface DecisionsTable {
  id: string;
  number: Counter;
  migration_id: string;
  gate_id: string | null;
  acknowledgement_id: string | null;
  step: AcknowledgedStep | null;
  verdict: Verdict;
  party: GateParty;
  person_id: string;
  digest: string | null;
  comment: string;
  request_id: string;
  decided_at: DatabaseTime;
}

interface AuditTable {
  number: number;
  migration_id: string | null;
  /** RFC 3339 text, since it is part of what is hashed. */
  at: string;
  actor: string;
  action: string;
  details: string;
  previous_hash: string;
  hash: string;
}

interface OutboxTable {
  id: Counter;
  kind: 'signal' | 'mail';
  migration_id: string | null;
  /** The signal's payload or the mail. Null once it was delivered or given up: it holds tokens and codes. */
  payload: Json | null;
  state: Generated<'pending' | 'delivered' | 'dead'>;
  due_at: DatabaseTime;
  made_at: DatabaseTime;
  settled_at: string | null;
  attempts: Generated<number>;
  last_error: string | null;
}

interface OperatorsTable {
  id: string;
  name: string;
  token_hash: string;
  made_at: DatabaseTime;
}

interface RequestsTable {
  key: string;
  fingerprint: string;
  status: number | null;
  body: string | null;
  begun_at: DatabaseTime;
}
