/** Why a mail left: the tenant wrote it of its own, or a client of the mail interfaces had it sent. */
export type OutgoingReason = 'non-delivery report' | 'read receipt' | 'automatic reply' | 'rule' | 'sent by a client';

export interface OutgoingMail {
  /** Envelope sender; empty for reports and receipts (RFC 5321 §4.5.5, RFC 8098 §2.1). */
  readonly from: string;
  readonly to: string;
  readonly why: OutgoingReason;
}

/**
 * Mail that the tenant made itself or was told to send. Mail that it only hands on (a relay, a forwarding) is none of it. It must stay empty while
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
