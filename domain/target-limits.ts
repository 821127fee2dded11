import type { ServerFacts } from './ports/mail.ts';
import type { NameRules } from './repair-name.ts';

/** What a target holds. Null is no limit, or one that is not known. */
export interface TargetLimits {
  readonly names: NameRules;
  /** Largest message, in octets as it is appended. */
  readonly messageBytes: number | null;
  /** The server did not tell the limit for messages; it is what such servers have unless somebody changed it. */
  readonly isAssumed: boolean;
  readonly messagesPerFolder: number | null;
  readonly subfolders: number | null;
}

/**
 * Exchange Online before anybody has asked it: 35 MB a message unless `MaxReceiveSize` of mailbox or plan was raised, up to 150
 * MB (Microsoft's migration pages); a million messages and 10,000 sub-folders a folder, depth 300 (service description);
 * names without case, `/` between levels, 255 characters.
 */
export const HOSTED_EXCHANGE: TargetLimits = {
  names: { separator: '/', caseInsensitive: true, maxDepth: 300, maxNameOctets: 255 },
  messageBytes: 35 * 1_048_576,
  isAssumed: true,
  messagesPerFolder: 1_000_000,
  subfolders: 10_000,
};

/** Exchange Server before anybody has asked it: 10 MB a message (`Set-TransportConfig -MaxReceiveSize`), the rest alike. */
export const EXCHANGE_SERVER: TargetLimits = { ...HOSTED_EXCHANGE, messageBytes: 10 * 1_048_576 };

/** What a server's own words tell of its limits: APPENDLIMIT (RFC 7889), its name, and whether it has levels at all. */
export function findLimits(facts: ServerFacts, separator: string | null): TargetLimits {
  const base = /exchange/i.test(facts.name) ? HOSTED_EXCHANGE : NO_LIMITS;
  const told = findAppendLimit(facts.capabilities);
  const server = MEASURED.find(({ name }) => name.test(facts.name));
  const depth = separator === null ? { maxDepth: 1 } : {};
  const names = { ...base.names, ...server?.rules, ...depth, separator };
  return { ...base, names, ...(told === null ? {} : { messageBytes: told, isAssumed: false }) };
}

/**
 * Measured with a CREATE each. Dovecot 2.3.19 with folders as files: 255 octets a level, no `~` at the start. Cyrus 3.6.1: these
 * characters (`/` where the separator is a dot), no `]` at the start, no INBOX below INBOX; it takes 480 octets in all and not 500.
 */
const MEASURED: readonly { readonly name: RegExp; readonly rules: Omit<NameRules, 'separator'> }[] = [
  { name: /dovecot/i, rules: { maxNameOctets: 255, forbiddenStart: '~' } },
  {
    name: /cyrus/i,
    rules: { maxNameOctets: 255, forbidden: '!"%/;<>\\^`{|}', forbiddenStart: ']', inboxBelow: false },
  },
];

/** Of a server of which nothing is known. */
export const NO_LIMITS: TargetLimits = {
  names: { separator: null },
  messageBytes: null,
  isAssumed: false,
  messagesPerFolder: null,
  subfolders: null,
};

/** Octets; null also for a bare APPENDLIMIT, which says that each folder has its own. */
function findAppendLimit(capabilities: readonly string[]): number | null {
  const told = capabilities.map((each) => /^APPENDLIMIT=(\d+)$/i.exec(each)?.[1]).find((each) => each !== undefined);
  return told === undefined ? null : Number(told);
}
