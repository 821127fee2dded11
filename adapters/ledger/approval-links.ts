import { sql } from 'kysely';
import { MigrationError } from '../../domain/errors.ts';
import type { Plan, PlannedContact } from '../../domain/plan.ts';
import type { StoredLink } from '../../domain/ports/store.ts';
import type { AcknowledgedStep } from '../../domain/steps.ts';
import { linkMail, type Question } from './approval-mails.ts';
import type { ApprovalLimits } from './approval-store.ts';
import type { Db } from './database.ts';
import { newId, newToken, sha256 } from './encoding.ts';
import { addMail } from './outbox.ts';

/** What a set of links opens: the row of a gate's revision or of a request to acknowledge. */
export type LinkSubject = { readonly gateId: string } | { readonly acknowledgementId: string };

/**
 * Ends the live links of a subject and sends new ones to the client's contacts, save those who have decided. Operators have no
 * links: they sign in.
 */
export async function sendLinks(
  trx: Db,
  limits: ApprovalLimits,
  input: {
    migrationId: string;
    plan: Plan;
    subject: LinkSubject;
    question: Question;
    publicUrl: string;
    reminder: boolean;
  },
): Promise<void> {
  const { migrationId, plan, subject, question, publicUrl, reminder } = input;
  await revokeLinks(trx, subject);
  const decided = await trx
    .selectFrom('decisions')
    .select('person_id')
    .where(subjectColumn(subject), '=', subjectId(subject))
    .execute();
  const silent = new Set(decided.map((row) => row.person_id));
  for (const contact of plan.contacts) {
    if (contact.party !== 'client' || silent.has(contact.id)) continue;
    const token = newToken();
    const link = await trx
      .insertInto('links')
      .values({
        id: newId('lnk'),
        migration_id: migrationId,
        contact_id: contact.id,
        gate_id: 'gateId' in subject ? subject.gateId : null,
        acknowledgement_id: 'acknowledgementId' in subject ? subject.acknowledgementId : null,
        token_hash: sha256(token),
        expires_at: sql<string>`now() + ${limits.linkTtlMs} * interval '1 millisecond'`,
      })
      .returning('expires_at')
      .executeTakeFirstOrThrow();
    // After `#`: a fragment is not sent to servers, so the token stays out of their logs and out of Referer (RFC 9110 §10.1.3).
    const url = `${publicUrl.replace(/\/+$/, '')}/portal/#${token}`;
    await addMail(
      trx,
      migrationId,
      linkMail({ plan, to: contact, question, url, expiresAt: link.expires_at, reminder }),
    );
  }
}

export async function revokeLinks(trx: Db, subject: LinkSubject): Promise<void> {
  await trx
    .updateTable('links')
    .set({ state: 'revoked' })
    .where(subjectColumn(subject), '=', subjectId(subject))
    .where('state', '=', 'live')
    .execute();
}

export async function findLink(db: Db, token: string): Promise<StoredLink | null> {
  const row = await selectLinks(db).where('token_hash', '=', sha256(token)).executeTakeFirst();
  return row === undefined ? null : toLink(row);
}

/** A link with all that a decision by it needs, locked until the transaction ends. */
export interface LockedLink extends StoredLink {
  readonly subject: LinkSubject;
  readonly question: Question;
  /** The digest of a gate that is open; null for acknowledgements. */
  readonly gate: { readonly id: string; readonly state: string; readonly digest: string } | null;
  readonly plan: Plan;
  readonly contact: PlannedContact;
}

/**
 * Locks the gate before the link, as those do who settle a gate and revoke its links.
 * @throws NOT_FOUND
 */
export async function lockLink(trx: Db, linkId: string): Promise<LockedLink> {
  const unknown = () => new MigrationError('NOT_FOUND', 'There is no such link.', { facts: { linkId } });
  const found = await selectLinks(trx).where('links.id', '=', linkId).executeTakeFirst();
  if (found === undefined) throw unknown();
  const gate =
    found.gate_id === null
      ? undefined
      : await trx
          .selectFrom('gates')
          .select(['id', 'gate', 'state', 'digest'])
          .where('id', '=', found.gate_id)
          .forShare()
          .executeTakeFirst();
  await sql`select from links where id = ${linkId} for update`.execute(trx);
  const row = await selectLinks(trx).where('links.id', '=', linkId).executeTakeFirst();
  const migration = await trx
    .selectFrom('migrations')
    .select('plan')
    .where('id', '=', found.migration_id)
    .executeTakeFirst();
  const contact = migration?.plan.contacts.find((one) => one.id === found.contact_id);
  // A contact who is not in the plan any more has nothing to decide.
  if (row === undefined || migration === undefined || contact === undefined) throw unknown();
  const link = toLink(row);
  if (gate !== undefined) {
    const question: Question = { kind: 'gate', gate: gate.gate };
    return { ...link, subject: { gateId: gate.id }, question, gate, plan: migration.plan, contact };
  }
  if (row.acknowledgement_id === null || row.step === null) throw unknown();
  return {
    ...link,
    subject: { acknowledgementId: row.acknowledgement_id },
    question: { kind: 'acknowledgement', step: row.step, text: row.text ?? '' },
    gate: null,
    plan: migration.plan,
    contact,
  };
}

export function subjectColumn(subject: LinkSubject): 'gate_id' | 'acknowledgement_id' {
  return 'gateId' in subject ? 'gate_id' : 'acknowledgement_id';
}

export function subjectId(subject: LinkSubject): string {
  return 'gateId' in subject ? subject.gateId : subject.acknowledgementId;
}

/** The database's clock says whether a link has expired, whatever the clock of this machine says. */
function selectLinks(db: Db) {
  return db
    .selectFrom('links')
    .leftJoin('acknowledgements', 'acknowledgements.id', 'links.acknowledgement_id')
    .select([
      'links.id',
      'links.migration_id',
      'links.contact_id',
      'links.gate_id',
      'links.acknowledgement_id',
      'links.state',
      'acknowledgements.step',
      'acknowledgements.text',
      sql<boolean>`links.expires_at <= now()`.as('expired'),
    ]);
}

function toLink(row: {
  id: string;
  migration_id: string;
  contact_id: string;
  gate_id: string | null;
  step: AcknowledgedStep | null;
  state: StoredLink['state'];
  expired: boolean;
}): StoredLink {
  return {
    id: row.id,
    migrationId: row.migration_id,
    contactId: row.contact_id,
    gateId: row.gate_id,
    step: row.step,
    state: row.state === 'live' && row.expired ? 'revoked' : row.state,
  };
}
