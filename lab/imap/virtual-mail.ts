import type { MessageContent } from './stored-message.ts';

/** Messages that are made up whenever they are read and never stored; the same UID gives the same bytes each time. */
export interface VirtualMail {
  /** UIDs run from 1 to this. */
  readonly count: number;
  messageOf(uid: number): Buffer;
  /** Without making the message; has to be what {@link messageOf} then has. */
  sizeOf(uid: number): number;
  dateOf(uid: number): Date;
  flagsOf(uid: number): ReadonlySet<string>;
}

export class VirtualContent implements MessageContent {
  readonly #mail: VirtualMail;
  readonly #uid: number;

  constructor(mail: VirtualMail, uid: number) {
    this.#mail = mail;
    this.#uid = uid;
  }

  get raw(): Buffer {
    return this.#mail.messageOf(this.#uid);
  }

  get sizeBytes(): number {
    return this.#mail.sizeOf(this.#uid);
  }

  get internalDate(): Date {
    return this.#mail.dateOf(this.#uid);
  }
}
