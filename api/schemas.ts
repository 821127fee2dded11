import { z } from 'zod';
import { ERRORS } from '../domain/errors.ts';
import { LABEL_POLICIES } from '../domain/gmail-labels.ts';
import { PASS_KINDS } from '../domain/passes.ts';
import { DEVIATION_CODES } from '../domain/ports/ledger.ts';
import { ROUTES } from '../domain/routes.ts';
import { GATES, PHASES, STEP_IDS } from '../domain/steps.ts';

/** Shapes of the API, as OpenAPI shows them. They mirror the domain's interfaces; a mismatch does not compile in the routes. */

const count = z.int().min(0);
/** The domain hands out readonly lists. */
export const list = <T extends z.ZodType>(element: T) => z.array(element).readonly();
const party = z.enum(['client', 'provider', 'users', 'service']);
export const Json = z.unknown().describe('Any JSON value');
export const Step = z.enum(STEP_IDS);
export const Gate = z.enum(GATES);
export const AcknowledgedStep = z.enum(['B2', 'B4', 'C4', 'C6']);
export const DnsPath = z.enum(['direct', 'third-party-filter']);

/** File names in a plan count from here, where it is given. */
export const Folder = z
  .string()
  .max(1_000)
  .optional()
  .describe('Folder of the plan on the machine of the workers; `file:` references and `ca` count from it');

export const Receipt = z.object({ message: z.string().describe('What happens now') }).meta({ id: 'Receipt' });

export const Tally = z
  .object({
    source: count,
    copied: count,
    repaired: count,
    wrapped: count,
    alreadyThere: count,
    vanished: count,
    excluded: count,
    refused: count,
    lost: count,
    doubled: count,
  })
  .meta({ id: 'Tally' });

const StepState = z.object({
  status: z.enum(['ahead', 'doing', 'waiting', 'done', 'not-needed']),
  waitingFor: list(party),
  note: z.string(),
  evidenceId: z.string().nullable(),
  changedAt: z.string().nullable(),
});

export const View = z
  .object({
    status: z.enum(['draft', 'running', 'paused', 'completed', 'in-support', 'ended', 'cancelled']),
    phase: z.enum(PHASES),
    step: Step.nullable(),
    waitingFor: list(party),
    headline: z.string(),
    steps: z.record(Step, StepState),
    openGate: z.object({ gate: Gate, gateId: z.string(), digest: z.string() }).nullable(),
    cutoverAt: z.string().nullable(),
    dnsPath: DnsPath.nullable(),
    pass: z.object({ kind: z.enum(PASS_KINDS), number: count, done: count, total: count, held: count }).nullable(),
    progress: z.number(),
    updatedAt: z.string(),
  })
  .meta({ id: 'MigrationView' });

export const Migration = z
  .object({
    id: z.string(),
    client: z.object({ id: z.string(), name: z.string(), domains: list(z.string()) }),
    createdAt: z.string(),
    createdBy: z.string(),
    view: View,
  })
  .meta({ id: 'Migration' });

export const Forecast = z
  .object({
    messages: count,
    bytes: z.number().nullable(),
    tooLarge: z.object({
      limitBytes: z.number().nullable(),
      isAssumed: z.boolean(),
      count: count.nullable(),
      largest: list(z.object({ folder: z.string(), uid: count, bytes: z.number() })),
    }),
    unfit: list(z.object({ folder: z.string(), why: z.string() })),
    renamed: count,
    seconds: z.number(),
    rate: z.object({ messagesPerSecond: z.number(), bytesPerSecond: z.number(), isMeasured: z.boolean() }),
    daily: z.object({ bytesPerDay: z.number(), days: count.nullable() }).nullable(),
    labels: z.object({ policy: z.enum(LABEL_POLICIES), messages: count, places: count }).optional(),
  })
  .meta({ id: 'Forecast' });

export const Preflight = z
  .object({
    ok: z.boolean(),
    code: z.string().nullable(),
    message: z.string().nullable(),
    tls: z.boolean(),
    folders: count,
    messages: count,
    bytes: z.number().nullable(),
    capabilities: list(z.string()),
    renames: list(z.object({ from: z.string(), to: z.string(), why: z.string() })),
    forecast: Forecast.optional(),
  })
  .meta({ id: 'Preflight' });

export const MailboxRoutes = z
  .object({
    verdicts: list(
      z.object({
        route: z.enum(ROUTES),
        usable: z.boolean(),
        fidelity: z.enum(['bytes', 'content', 'parts']).nullable(),
        findings: list(z.string()),
        probedAt: z.string(),
        keepsSignatures: z.boolean().nullable().optional(),
        agreesWith: list(z.enum(ROUTES)).optional().describe('Routes that show the same messages under the same UIDs'),
        hinderedBy: z.string().optional(),
        tried: z.boolean().optional().describe('False: it could not be tried now'),
      }),
    ).describe('What a known message told of each route, the best first'),
    chosen: z.enum(ROUTES).nullable().describe('By which mail goes'),
    probedAt: z.string(),
    doubt: z.string().nullable().describe('What went wrong since; all routes are probed before the next copy'),
  })
  .meta({ id: 'MailboxRoutes' });

export const Mailbox = z
  .object({
    id: z.string(),
    migrationId: z.string(),
    address: z.string(),
    displayName: z.string(),
    sourceUser: z.string(),
    targetUser: z.string(),
    status: z.enum(['listed', 'ready', 'copying', 'copied', 'held', 'dropped']),
    heldCode: z.string().nullable(),
    heldMessage: z.string().nullable(),
    preflight: Preflight.nullable(),
    routes: MailboxRoutes.nullable().describe('Null before the first probe, and of a plain IMAP target'),
    tally: Tally,
    lastPass: z.object({ kind: z.enum(PASS_KINDS), number: count, finishedAt: z.string(), moved: count }).nullable(),
  })
  .meta({ id: 'Mailbox' });

export const Decision = z
  .object({
    id: z.string(),
    migrationId: z.string(),
    gateId: z.string().nullable(),
    step: AcknowledgedStep.nullable(),
    verdict: z.enum(['approve', 'reject', 'acknowledge']),
    party: z.enum(['client', 'operator']),
    personId: z.string(),
    digest: z.string().nullable(),
    comment: z.string(),
    decidedAt: z.string(),
  })
  .meta({ id: 'Decision' });

export const GateRevision = z
  .object({
    id: z.string(),
    migrationId: z.string(),
    gate: Gate,
    revision: count,
    digest: z.string().describe('SHA-256 (hex) of the canonical JSON of `evidence`'),
    evidence: Json,
    state: z.enum(['open', 'approved', 'rejected', 'superseded', 'expired', 'withdrawn']),
    openedAt: z.string(),
    settledAt: z.string().nullable(),
    decisions: list(Decision),
  })
  .meta({ id: 'Gate' });

export const Issue = z
  .object({
    id: z.string(),
    migrationId: z.string(),
    mailboxId: z.string().nullable(),
    kind: z.enum(['missing-mail', 'access', 'client-set-up', 'other']),
    text: z.string(),
    reportedBy: z.string(),
    reportedAt: z.string(),
    outcome: z.enum(['resolved', 'accepted']).nullable(),
    note: z.string().nullable(),
  })
  .meta({ id: 'Issue' });

export const AuditEntry = z
  .object({
    id: z.string(),
    at: z.string(),
    actor: z.string(),
    action: z.string(),
    details: Json,
    hash: z.string(),
  })
  .meta({ id: 'AuditEntry' });

export const Exception = z
  .object({
    mailboxId: z.string(),
    address: z.string(),
    sourcePath: list(z.string()),
    uidValidity: z.string(),
    uid: count,
    sizeBytes: count,
    internalDate: z.string().nullable(),
    state: z.string(),
    code: z.string().nullable(),
    detail: z.string().nullable(),
  })
  .meta({ id: 'Exception' });

const path = list(z.string());

export const MailboxReport = z
  .object({
    mailbox: Mailbox,
    remedy: z.string().nullable().describe('What to do about a held mailbox'),
    generatedAt: z.string(),
    folders: list(
      z.object({
        sourcePath: path,
        targetPath: path,
        exists: count.describe('EXISTS as the census counted it by FETCH'),
        unfinished: count,
        tally: Tally,
        fault: z.object({ code: z.string(), message: z.string(), remedy: z.string() }).nullable(),
      }),
    ),
    verification: list(
      z.object({
        targetPath: path,
        lost: count,
        doubled: count,
        misfiled: count.describe('In another folder instead'),
        changed: count.describe('Content is another than the source has'),
        altered: count.describe('Written anew by the target, with the same content: no fault'),
        datesMoved: count,
        flagsLost: count,
        seen: count.describe('Messages that were read'),
      }),
    ).describe('What the newest re-reading of each target folder found'),
    exceptions: list(Exception.omit({ mailboxId: true, address: true }).extend({ remedy: z.string() })).describe(
      'Every message that has no copy at the target, and why',
    ),
    deviations: list(
      z.object({
        code: z.enum(DEVIATION_CODES),
        targetPath: path,
        targetUid: count.nullable(),
        sourcePath: path.nullable(),
        uidValidity: z.string().nullable(),
        uid: count.nullable(),
        sizeBytes: count,
        receivedAt: z.string().nullable(),
        detail: z.string(),
        remedy: z.string(),
      }),
    ).describe('Every copy that is not where or as it should be'),
    notes: list(Exception.omit({ mailboxId: true, address: true })).describe(
      'Every copy of which something is to be said: what was repaired, which flags the target does not take',
    ),
  })
  .meta({ id: 'MailboxReport' });

export const Report = z
  .object({
    migration: Migration,
    generatedAt: z.string(),
    total: Tally,
    mailboxes: list(Mailbox),
    exceptions: list(Exception).describe('Every message that has no copy at the target, and why'),
    gates: list(GateRevision),
    evidence: list(z.object({ id: z.string(), step: Step, recordedAt: z.string(), body: Json })),
    issues: list(Issue),
  })
  .meta({ id: 'Report' });

export const MigrationParams = z.object({ migrationId: z.string().max(80) });
export const Instant = z.iso.datetime({ offset: true });
export const ErrorCodeParam = z.object({ code: z.enum(Object.keys(ERRORS) as [keyof typeof ERRORS]) });
