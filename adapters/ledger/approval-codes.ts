import { randomInt } from 'node:crypto';
import { sql } from 'kysely';
import { type ErrorCode, MigrationError } from '../../domain/errors.ts';
import { lockLink } from './approval-links.ts';
import { codeMail } from './approval-mails.ts';
import type { ApprovalLimits } from './approval-store.ts';
import { appendAudit } from './audit.ts';
import type { Db } from './database.ts';
import { sha256 } from './encoding.ts';
import { addMail } from './outbox.ts';

/** Typed one-time codes: what a mail scanner that follows the link and presses the buttons does not have. */

export async function recordChallenge(db: Db, limits: ApprovalLimits, linkId: string): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const link = await lockLink(trx, linkId);
    if (link.state !== 'live' || (link.gate !== null && link.gate.state !== 'open')) {
      throw new MigrationError('GATE_NOT_OPEN', 'This link cannot be used any more.', { facts: { linkId } });
    }
    await requireRate(trx, limits, linkId);
    // The transaction that made a code before this one held the link's row, so its code is seen here and ends now.
    await sql`update challenges set expires_at = least(expires_at, now()) where link_id = ${linkId}`.execute(trx);
    const code = String(randomInt(1_000_000)).padStart(6, '0');
    const challenge = await trx
      .insertInto('challenges')
      .values({
        link_id: linkId,
        code_hash: hashOf(linkId, code),
        expires_at: sql<string>`now() + ${limits.codeTtlMs} * interval '1 millisecond'`,
      })
      .returning('expires_at')
      .executeTakeFirstOrThrow();
    const { plan, contact, question, migrationId } = link;
    await addMail(
      trx,
      migrationId,
      codeMail({ plan, to: contact.codeEmail, question, code, expiresAt: challenge.expires_at }),
    );
    await appendAudit(trx, { migrationId, actor: contact.id, action: 'code.sent', details: { linkId } });
  });
}

async function requireRate(trx: Db, limits: ApprovalLimits, linkId: string): Promise<void> {
  const { rows } = await sql<{ made: number; wait_ms: number | null }>`
    select count(*) as made,
      ceil(extract(epoch from min(made_at) + interval '1 hour' - now()) * 1000)::bigint as wait_ms
    from challenges where link_id = ${linkId} and made_at > now() - interval '1 hour'`.execute(trx);
  const [seen] = rows;
  if (seen === undefined || seen.made < limits.codesPerHour) return;
  throw new MigrationError('RATE_LIMITED', 'Too many codes were asked for; please try again later.', {
    facts: { linkId },
    retryAfterMs: Math.max(1_000, seen.wait_ms ?? 0),
  });
}

/** Why a code does not count, or null where it does. */
export type CodeFault = { readonly code: ErrorCode; readonly message: string } | null;

/**
 * Compares with the newest code of the link, whose row the caller holds, so that guesses come one after the other. A wrong guess is
 * counted in the caller's transaction: it has to be committed although the decision is refused, hence the answer is a value
 * and not an exception.
 *
 * @param decided  the person has decided before and only asks for the receipt again: the code that was used then will do.
 */
export async function checkCode(
  trx: Db,
  limits: ApprovalLimits,
  linkId: string,
  code: string,
  decided: boolean,
): Promise<CodeFault> {
  const { rows } = await sql<{ number: number; code_hash: string; wrong: number; expired: boolean }>`
    select number, code_hash, wrong, expires_at <= now() as expired
    from challenges where link_id = ${linkId} order by number desc`.execute(trx);
  const hash = hashOf(linkId, code);
  if (decided && rows.some((row) => row.code_hash === hash)) return null;
  const [newest] = rows;
  if (newest === undefined) return { code: 'CODE_EXPIRED', message: 'No code was asked for yet.' };
  if (newest.wrong >= limits.wrongCodes) {
    return {
      code: 'CODE_EXPIRED',
      message: 'This code does not count any more, because a wrong one was typed too often.',
    };
  }
  if (newest.expired) return { code: 'CODE_EXPIRED', message: 'The code has expired.' };
  if (newest.code_hash === hash) return null;
  await sql`update challenges set wrong = wrong + 1 where number = ${newest.number}`.execute(trx);
  return { code: 'CODE_WRONG', message: 'The code is wrong.' };
}

function hashOf(linkId: string, code: string): string {
  return sha256(`${linkId}:${code}`);
}
