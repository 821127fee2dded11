import type { ImapFlow, QuotaResource } from 'imapflow';
import type { ServerFacts } from '../../domain/ports/mail.ts';

/** Cyrus writes `X` for 8-bit octets in headers (measured against 3.6.1). */
export function munges8BitHeaders({ name }: ServerFacts): boolean {
  return /cyrus/i.test(name);
}

/**
 * T68: Exchange takes `\Flagged` with APPEND and shows it to IMAP, not to Outlook; STORE sets it everywhere. It is known by its name
 * or by what it offers (facts of 2026: `IMAP4`, XOAUTH2, no ENABLE). Where that is wrong it costs a STORE a flagged message.
 */
export function storesFlaggedApart({ name, capabilities }: ServerFacts): boolean {
  const offers = new Set(capabilities.map((capability) => capability.toUpperCase()));
  return /exchange/i.test(name) || (offers.has('IMAP4') && offers.has('AUTH=XOAUTH2') && !offers.has('ENABLE'));
}

/** Whether so many bytes more do not fit, by GETQUOTAROOT (RFC 9208); false where the server does not tell. Never throws. */
export async function isQuotaFull(client: ImapFlow, sizeBytes: number): Promise<boolean> {
  const quota = await client.getQuota('INBOX').catch(() => false as const);
  if (quota === false || quota === undefined) return false;
  return lacksRoom(quota.storage, sizeBytes) || lacksRoom(quota.message, 1);
}

function lacksRoom(resource: QuotaResource | undefined, wanted: number): boolean {
  const { usage, limit } = resource ?? {};
  return usage !== undefined && limit !== undefined && usage + wanted > limit;
}
