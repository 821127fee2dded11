import type { ImapHooks, IncomingMessage } from '../../imap/hooks.ts';
import { EXCHANGE_CAPABILITIES } from '../../imap/options.ts';
import { type ImapLabServer, startImapServer } from '../../imap/server.ts';
import { rewriteParts } from '../mail/rewrite-parts.ts';
import type { HostedTenant } from '../tenant.ts';
import { type ImapQuirks, onlineQuirks, serverQuirks } from './quirks.ts';
import { faultOfAppend, faultOfCreate } from './refusals.ts';
import { openByPassword, openByToken } from './sign-in.ts';

export interface ExchangeImapOptions {
  /** TLS from the first byte by default, as `127.0.0.1` and `localhost`, certified by the tenant's authority. */
  readonly security?: 'tls' | 'plain';
  readonly port?: number;
  /** `online` by default. */
  readonly edition?: 'online' | 'server';
  readonly quirks?: Partial<ImapQuirks>;
  /** Whether GETQUOTAROOT tells how full a mailbox is; on by default. QUOTA is not among the capabilities that were seen (a guess). */
  readonly tellsQuota?: boolean;
}

export interface ExchangeImap extends ImapLabServer {
  /** May be changed at any time. */
  readonly quirks: ImapQuirks;
  /** Asked before the quirks; may be set at any time. */
  faults: ImapHooks | null;
}

/** `$MDNSent` is the only keyword (exchange.md §5.2). */
const PERMANENT_FLAGS = ['\\Seen', '\\Answered', '\\Flagged', '\\Deleted', '\\Draft', '$MDNSent'];
/** What imapsync takes for Exchange Online where nobody knows better (exchange.md §5.3). */
const ASSUMED_BYTES = 45_000_000;
const MDN_SENT = '$mdnsent';

/** Exchange's IMAP over the mailboxes of a tenant, with its capabilities and its quirks (exchange.md §5). */
export async function startExchangeImap(
  tenant: HostedTenant,
  options: ExchangeImapOptions = {},
): Promise<ExchangeImap> {
  const { edition = 'online', tellsQuota = true, security = 'tls' } = options;
  const quirks: ImapQuirks = { ...(edition === 'online' ? onlineQuirks() : serverQuirks()), ...options.quirks };
  const { items, store } = tenant;
  const faults = (): ImapHooks | null => imap.faults;
  const noteMdnSent = (flags: readonly string[], { categories }: { readonly categories: string[] }) => {
    const isNew = quirks.mdnSentIsCategory && flags.some((flag) => flag.toLowerCase() === MDN_SENT);
    if (isNew && !categories.includes('$MDNSent')) categories.push('$MDNSent');
  };
  const hooks: ImapHooks = {
    onConnect: (connection) => faults()?.onConnect?.(connection),
    async onCommand(command) {
      const verdict = await faults()?.onCommand?.(command);
      if (verdict !== undefined) return verdict;
      const backOffMs = quirks.throttle?.(command) ?? null;
      if (backOffMs === null) return undefined;
      return { reply: `BAD Request is throttled. Suggested Backoff Time: ${backOffMs} milliseconds` };
    },
    onResponse: (response, command) => faults()?.onResponse?.(response, command),
    async onAppend(message: IncomingMessage) {
      const verdict = (await faults()?.onAppend?.(message)) ?? message;
      if ('reply' in verdict) return verdict;
      const fault = faultOfAppend(verdict, quirks, store.findAccount(message.user));
      if (fault !== null) return { reply: fault };
      return quirks.reEncodes ? { ...verdict, raw: rewriteParts(verdict.raw) } : verdict;
    },
    onAppended(stored, message) {
      // The first look fixes for ever whether it is a draft (exchange.md §1.2).
      const item = items.of(stored);
      if (quirks.flaggedByStoreOnly && stored.flags.has('\\Flagged')) item.flagIsHidden = true;
      noteMdnSent(message.flags, item);
      faults()?.onAppended?.(stored, message);
    },
    onStore(stored, named) {
      const item = items.of(stored);
      if (named.some((flag) => flag.toLowerCase() === '\\flagged')) item.flagIsHidden = false;
      noteMdnSent(named, item);
      faults()?.onStore?.(stored, named);
    },
    // A copy has what the message had, a category or a draft's mark as well.
    onCopied(source, copy) {
      const { isDraft, properties, categories, importance, flagIsHidden } = items.of(source);
      items.add(copy, {
        isDraft,
        properties: new Map(properties),
        categories: [...categories],
        importance,
        flagIsHidden,
      });
      faults()?.onCopied?.(source, copy);
    },
    onCreate: (name, user) => faults()?.onCreate?.(name, user) ?? faultOfCreate(name, quirks, store, user),
  };
  const tls = security === 'tls' ? await tenant.authority.issue(['127.0.0.1', 'localhost']) : null;
  const server = await startImapServer({
    store,
    port: options.port ?? 0,
    security,
    ...(tls && { tls }),
    capabilities: [...EXCHANGE_CAPABILITIES, ...(tellsQuota ? ['QUOTA'] : [])],
    permanentFlags: PERMANENT_FLAGS,
    tooLargeText: 'NO Maximum size of appendable message has been exceeded',
    maxMessageBytesOf: (signedInAs) =>
      quirks.maxMessageBytesOf?.(signedInAs) ?? tenant.state.findMailbox(signedInAs)?.maxReceiveBytes ?? ASSUMED_BYTES,
    get maxConnectionsPerUser() {
      return quirks.maxConnectionsPerUser;
    },
    get maxProtocolErrors() {
      return quirks.maxProtocolErrors;
    },
    get maxCommandBytes() {
      return quirks.longestCommandBytes;
    },
    authenticateToken: (user, token) => openByToken(tenant, quirks, user, token),
    authenticatePassword: (user, password) => openByPassword(tenant, quirks, user, password),
    ...(tellsQuota && { quotaOf: (user: string) => quotaOf(user) }),
    isListed: (folder) => !items.isHidden(folder),
    texts: {
      greeting: '* OK The Microsoft Exchange IMAP4 service is ready.',
      id: '("name" "Microsoft.Exchange.Imap4.Imap4Server" "version" "15.20")',
      signedIn: (mechanism) => `OK ${mechanism} completed.`,
      signInFailed: (mechanism) => `NO ${mechanism} failed.`,
      // The words are a guess: no source tells them.
      tooManyConnections: 'NO Maximum number of connections has been exceeded.',
      // A NUL would need literal8, which is not offered (exchange.md §5.3).
      nulInLiteral: 'BAD Command Argument Error. 11',
      tooManyErrors: 'Connection is closed. 14',
    },
    hooks,
  });
  const imap: ExchangeImap = Object.assign(server, { quirks, faults: null });
  return imap;

  function quotaOf(user: string): { usedBytes: number; limitBytes: number } | null {
    const limitBytes = quirks.quotaBytesOf(user);
    const account = store.findAccount(user);
    return limitBytes === null || account === null ? null : { usedBytes: account.usedBytes, limitBytes };
  }
}
