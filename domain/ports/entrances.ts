import type { SmtpEndpoint } from '../plan.ts';

/** What a server said to one recipient before any mail was handed over. */
export interface RecipientAnswer {
  readonly recipient: string;
  /** 250 taken, 251 and 551 taken elsewhere, 4xx asked to come later, 5xx refused (RFC 5321 §4.2). */
  readonly code: number;
}

export interface EntranceAnswer {
  /** The name that the server gives itself, lower case; empty where it gives none. */
  readonly name: string;
  readonly recipients: readonly RecipientAnswer[];
}

/** Looks at SMTP entrances without sending anything. */
export interface Entrances {
  /**
   * Connects as an outside sender would, names sender and recipients and leaves before DATA. May be repeated.
   * @throws HOST_UNREACHABLE, CONNECTION_LOST
   */
  ask(
    entrance: SmtpEndpoint,
    from: string,
    recipients: readonly string[],
    signal: AbortSignal,
  ): Promise<EntranceAnswer>;
  /** IP addresses of a host by the system's resolver; empty where it has none. */
  findAddresses(host: string): Promise<readonly string[]>;
}
