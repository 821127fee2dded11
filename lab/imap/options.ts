import type { Folder } from './folder.ts';
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
  /** In place of `maxMessageBytes`, by who signed in; it is not announced. */
  maxMessageBytesOf?: (signedInAs: string) => number;
  maxConnectionsPerUser?: number;
  /**
   * XOAUTH2: whose mailbox the token opens, or the text of the refusal.
   */
  authenticateToken?: (user: string, token: string) => SignInVerdict | Promise<SignInVerdict>;
  /** LOGIN and PLAIN: by the store alone where it is not given. */
  authenticatePassword?: (user: string, password: string) => SignInVerdict;
  /** Who signed in with a right password may still be refused, e.g. `NO User is authenticated but not connected.` (T55). */
  onSignIn?: (user: string) => string | undefined;
  /** After so many BAD answers on one connection it is closed with BYE. */
  maxProtocolErrors?: number | null;
  /** Lines of a command, literals aside, that are longer are refused with BAD. */
  maxCommandBytes?: number | null;
  /** Makes GETQUOTAROOT and GETQUOTA (RFC 9208) known commands; null where the mailbox has no limit. */
  quotaOf?: (user: string) => { readonly usedBytes: number; readonly limitBytes: number } | null;
  /** Whether LIST and LSUB tell of a folder; all by default. */
  isListed?: (folder: Folder) => boolean;
  texts?: ServerTexts;
  /** Milliseconds added before each answer, to act far away. */
  latencyMs?: number;
  hooks?: ImapHooks;
}

export type SignInVerdict =
  /** `signedInAs` where that is somebody else than the owner of the mailbox. `endedBy` is asked before each later command. */
  | { user: string; signedInAs?: string; endedBy?: () => SessionEnd | null }
  /** `withoutChallenge`: XOAUTH2 is refused at once, with no challenge that tells why. */
  | { reply: string; withoutChallenge?: boolean }
  /** Signed in, and every command for which one has to be is answered with this text. */
  | { disconnected: string };

/** Why a session that was opened is one no more: a BYE that closes it, or what every command says from now on. */
export type SessionEnd = { bye: string } | { disconnected: string };

/** Words of another server in place of ours, without the tag. */
export interface ServerTexts {
  /** The whole untagged line. */
  greeting?: string;
  signedIn?: (mechanism: string) => string;
  signInFailed?: (mechanism: string) => string;
  /** The parameters of ID (RFC 2971). */
  id?: string;
  tooManyConnections?: string;
  nulInLiteral?: string;
  /** Of the BYE after too many protocol errors. */
  tooManyErrors?: string;
}

export const DEFAULT_PERMANENT_FLAGS = ['\\Answered', '\\Flagged', '\\Deleted', '\\Seen', '\\Draft', '\\*'] as const;
