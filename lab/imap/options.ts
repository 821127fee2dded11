import type { ImapHooks } from './hooks.ts';
import type { MailStore } from './store.ts';

/** All that this server can. Take some out to meet the fallbacks of a client (T52). */
export const ALL_CAPABILITIES = [
  'IMAP4rev1',
  'SASL-IR',
  'AUTH=PLAIN',
  'LITERAL+',
  'ID',
  'ENABLE',
  'NAMESPACE',
  'CHILDREN',
  'LIST-EXTENDED',
  'LIST-STATUS',
  'SPECIAL-USE',
  'CREATE-SPECIAL-USE',
  'UIDPLUS',
  'MOVE',
  'UNSELECT',
  'IDLE',
  'CONDSTORE',
  'QRESYNC',
  'MULTIAPPEND',
  'STATUS=SIZE',
] as const;

/** What Exchange was seen to offer: no CONDSTORE, no MULTIAPPEND, no SPECIAL-USE (facts: exchange.md §5.2). */
export const EXCHANGE_CAPABILITIES = [
  'IMAP4',
  'IMAP4rev1',
  'AUTH=PLAIN',
  'AUTH=XOAUTH2',
  'SASL-IR',
  'UIDPLUS',
  'MOVE',
  'ID',
  'UNSELECT',
  'CHILDREN',
  'IDLE',
  'NAMESPACE',
  'LITERAL+',
] as const;

/** What Gmail offers of what this server can; X-GM-EXT-1 comes with a store that is Gmail's. */
export const GMAIL_CAPABILITIES = [
  'IMAP4rev1',
  'UNSELECT',
  'IDLE',
  'NAMESPACE',
  'ID',
  'CHILDREN',
  'UIDPLUS',
  'ENABLE',
  'MOVE',
  'CONDSTORE',
  'LIST-EXTENDED',
  'LIST-STATUS',
  'SPECIAL-USE',
  'SASL-IR',
  'AUTH=PLAIN',
] as const;

export interface ImapServerOptions {
  store: MailStore;
  host?: string;
  /** 0, the default, takes a free one. */
  port?: number;
  /** `plain` (default), `starttls` (refuses a sign-in before it) or `tls` from the first byte. The last two need `tls`. */
  security?: 'plain' | 'starttls' | 'tls';
  tls?: { key: string | Buffer; cert: string | Buffer };
  capabilities?: readonly string[];
  /** What PERMANENTFLAGS offers; a flag that is not in it is dropped unless `\*` is. Exchange knows no keywords. */
  permanentFlags?: readonly string[];
  /** Larger messages are refused with `tooLargeText`, before they travel where the client waits for us (RFC 7889, T24). */
  maxMessageBytes?: number;
  tooLargeText?: string;
  maxConnectionsPerUser?: number;
  /**
   * XOAUTH2: whose mailbox the token opens, or the text of the refusal. Password sign-in goes by the store alone.
   */
  authenticateToken?: (user: string, token: string) => TokenVerdict | Promise<TokenVerdict>;
  /** Who signed in with a right password may still be refused, e.g. `NO User is authenticated but not connected.` (T55). */
  onSignIn?: (user: string) => string | undefined;
  /** Milliseconds added before each answer, to act far away. */
  latencyMs?: number;
  hooks?: ImapHooks;
}

export type TokenVerdict = { user: string } | { reply: string };

export const DEFAULT_PERMANENT_FLAGS = ['\\Answered', '\\Flagged', '\\Deleted', '\\Seen', '\\Draft', '\\*'] as const;
