import type { SeenCommand } from '../../imap/hooks.ts';

/** What Exchange's IMAP does that a client does not expect. Each may be changed at any time and counts from the next command on. */
export interface ImapQuirks {
  /** Octets of a line without its end; longer ones fail the APPEND (exchange.md §5.3). Null: any length. */
  longestLineBytes: number | null;
  /**
   * Of a message, by who signs in, not by whose mailbox it is (exchange.md §5.3). Null: the MaxReceiveSize of that one's mailbox, as
   * `Set-Mailbox` sets it (exchange.md §6.3).
   */
  maxMessageBytesOf: ((signedInAs: string) => number) | null;
  /** `MaxCommandSize` (exchange.md §5.3); null: any length. */
  longestCommandBytes: number | null;
  /** BAD answers until BYE (exchange.md §5.3). */
  maxProtocolErrors: number | null;
  /** `MaxConnectionsPerUser` (exchange.md §5.3). */
  maxConnectionsPerUser: number;
  /** Top folders that cannot be made, in any case of letters (exchange.md §5.3; all but the first from hostile case T9). */
  reservedNames: readonly string[];
  /** The English name of a special folder that has another name here "already exists", and is not there (exchange.md §5.3). */
  specialsExist: boolean;
  /** `\Flagged` of an APPEND is not shown by Outlook, Graph and EWS until a STORE (exchange.md §5.3; sources disagree for Online). */
  flaggedByStoreOnly: boolean;
  /** `$MDNSent` becomes a category that the user sees (exchange.md §5.3). */
  mdnSentIsCategory: boolean;
  /** Milliseconds to wait that a command is answered with in place of being run; null runs it (exchange.md §5.3). */
  throttle: ((command: SeenCommand) => number | null) | null;
  /** Of one mailbox; null = no limit. */
  quotaBytesOf: (mailbox: string) => number | null;
  /** FETCH gives the parts in another encoding, canonically equal to what APPEND was given; off, as MIME is kept (exchange.md §9.1). */
  reEncodes: boolean;
  /** Whether passwords open mailboxes: Exchange Online has ended it (hostile case T58). */
  passwords: boolean;
  /** `afterwards`: the sign-in is OK, and each command then is BAD (T55); `at-sign-in`: NO at once (exchange.md §5.1). */
  notConnected: 'afterwards' | 'at-sign-in';
  /** Who may open whose mailbox by `user\shared` (exchange.md §5.1), beside the owner. */
  mayOpenShared: ((user: string, mailbox: string) => boolean) | null;
}

/** Exchange Online. */
export function onlineQuirks(): ImapQuirks {
  return {
    longestLineBytes: 10_239,
    maxMessageBytesOf: null,
    longestCommandBytes: 10_240,
    maxProtocolErrors: 10,
    maxConnectionsPerUser: 20,
    reservedNames: ['Files', 'Calendar', 'Contacts', 'Sync Issues'],
    specialsExist: true,
    flaggedByStoreOnly: true,
    mdnSentIsCategory: true,
    throttle: null,
    quotaBytesOf: () => null,
    reEncodes: false,
    passwords: false,
    notConnected: 'afterwards',
    mayOpenShared: null,
  };
}

/** Exchange Server: shorter lines, smaller messages, 16 connections, passwords (exchange.md §5.3). */
export function serverQuirks(): ImapQuirks {
  return {
    ...onlineQuirks(),
    longestLineBytes: 9_900,
    maxMessageBytesOf: () => 10_000_000,
    maxConnectionsPerUser: 16,
    passwords: true,
  };
}
