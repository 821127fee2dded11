/** What a message is made of; it never changes. The bytes may be made up at each reading. */
export interface MessageContent {
  readonly raw: Buffer;
  readonly sizeBytes: number;
  /** Whole seconds. */
  readonly internalDate: Date;
}

export interface MessageState {
  /** Unique in the whole store and kept by MOVE, so that another front can hang its own knowledge on a message. */
  readonly id: number;
  readonly uid: number;
  readonly flags: ReadonlySet<string>;
  readonly modSeq: number;
  /** Gmail's labels, without the one of the folder that it lies in (as Gmail tells them); null on other servers. */
  readonly labels: readonly string[] | null;
}

/** One message of a folder as it was at one moment: a change makes another. */
export class StoredMessage implements MessageState, MessageContent {
  readonly id: number;
  readonly uid: number;
  readonly flags: ReadonlySet<string>;
  readonly modSeq: number;
  readonly labels: readonly string[] | null;
  readonly #content: MessageContent;

  constructor({ id, uid, flags, modSeq, labels }: MessageState, content: MessageContent) {
    this.id = id;
    this.uid = uid;
    this.flags = flags;
    this.modSeq = modSeq;
    this.labels = labels;
    this.#content = content;
  }

  /** The bytes as they were handed in; nothing is repaired. */
  get raw(): Buffer {
    return this.#content.raw;
  }

  get sizeBytes(): number {
    return this.#content.sizeBytes;
  }

  get internalDate(): Date {
    return this.#content.internalDate;
  }

  with(changes: Partial<MessageState>): StoredMessage {
    const { id, uid, flags, modSeq, labels } = this;
    return new StoredMessage({ id, uid, flags, modSeq, labels, ...changes }, this.#content);
  }
}
