/** Why a tenant wrote a mail of its own, that nobody sent. */
export type OutgoingReason = 'non-delivery report' | 'read receipt' | 'automatic reply' | 'rule';

export interface OutgoingMail {
  /** Envelope sender; empty for reports and receipts (RFC 5321 §4.5.5, RFC 8098 §2.1). */
  readonly from: string;
  readonly to: string;
  readonly why: OutgoingReason;
}

/**
 * Mail that the tenant made itself. Mail that it only hands on (a relay, a forwarding) is none of it. It must stay empty while
 * mailboxes are imported: nothing is sent (T70).
 */
export class Outgoing {
  readonly #mails: OutgoingMail[] = [];

  get count(): number {
    return this.#mails.length;
  }

  /** In order. */
  get list(): readonly OutgoingMail[] {
    return this.#mails;
  }

  record(mail: OutgoingMail): void {
    this.#mails.push(mail);
  }
}
