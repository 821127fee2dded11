import type { ImapFlow, QuotaResource } from 'imapflow';
import type { ServerFacts } from '../../domain/ports/mail.ts';

/** Cyrus writes `X` for 8-bit octets in headers (measured against 3.6.1). */
export function munges8BitHeaders({ name }: ServerFacts): boolean {
  return /cyrus/i.test(name);
}

/**
 * Exchange of any edition: by its name, or by what it offers (facts of 2026: `IMAP4`, XOAUTH2, no ENABLE; exchange.md §5.2). Where that
 * is wrong it costs a STORE a flagged message, and a keyword that nobody sees.
 */
export function isExchange({ name, capabilities }: ServerFacts): boolean {
  const offers = new Set(capabilities.map((capability) => capability.toUpperCase()));
  return /exchange/i.test(name) || (offers.has('IMAP4') && offers.has('AUTH=XOAUTH2') && !offers.has('ENABLE'));
}

/** T68: Exchange takes `\Flagged` with APPEND and shows it to IMAP, not to Outlook; STORE sets it everywhere (exchange.md §5.3). */
export function storesFlaggedApart(facts: ServerFacts): boolean {
  return isExchange(facts);
}

/** T69: Exchange says that it takes `$MDNSent`, and makes a category of it that the user sees (exchange.md §5.3). */
export function bearsFlag(facts: ServerFacts): (flag: string) => boolean {
  return isExchange(facts) ? (flag) => flag.toLowerCase() !== '$mdnsent' : () => true;
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
