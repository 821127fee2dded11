import type { Folder } from './folder.ts';
import { formatUidSet, lowerBound } from './sequence-set.ts';
import type { StoredMessage } from './stored-message.ts';

/**
 * A session's view of its folder. Sequence numbers belong to the view and move only when the client has been told, so the view
 * lags behind the folder until {@link changes} brings it up (RFC 3501 §5.2, §7.4.1).
 */
export class SelectedFolder {
  readonly folder: Folder;
  readonly readOnly: boolean;
  #shown: StoredMessage[];
  #uids: number[];
  #upTo: readonly StoredMessage[];

  constructor(folder: Folder, readOnly: boolean) {
    this.folder = folder;
    this.readOnly = readOnly;
    this.#upTo = folder.messages;
    this.#shown = [...folder.messages];
    this.#uids = this.#shown.map((message) => message.uid);
  }

  /** UIDs by sequence number, the first at 0. */
  get uids(): readonly number[] {
    return this.#uids;
  }

  /** The message as the folder has it now; null when another session removed it. */
  messageAt(position: number): StoredMessage | null {
    return this.folder.find(this.#uids[position] ?? 0);
  }

  /** Marks a change as told, for the session that made it. */
  noteShown(message: StoredMessage): void {
    const position = lowerBound(this.#uids, message.uid);
    if (this.#uids[position] === message.uid) this.#shown[position] = message;
  }

  /** Untagged lines that bring the client's view up to the folder. */
  changes(options: { withExpunges: boolean; withModSeq: boolean; asVanished: boolean }): string[] {
    const now = this.folder.messages;
    if (now === this.#upTo) return [];
    const lines: string[] = [];
    const gone = options.withExpunges
      ? this.#removeGone(lines, options.asVanished)
      : this.#shown.some((each) => this.folder.find(each.uid) === null);
    for (const [position, shown] of this.#shown.entries()) {
      const current = this.folder.find(shown.uid);
      if (current === null || current.modSeq === shown.modSeq) continue;
      this.#shown[position] = current;
      const modSeq = options.withModSeq ? ` MODSEQ (${current.modSeq})` : '';
      lines.push(`* ${position + 1} FETCH (UID ${current.uid} FLAGS (${[...current.flags].join(' ')})${modSeq})`);
    }
    const lastUid = this.#uids.at(-1) ?? 0;
    const added = now.filter((message) => message.uid > lastUid);
    if (added.length > 0) {
      for (const message of added) {
        this.#shown.push(message);
        this.#uids.push(message.uid);
      }
      lines.push(`* ${this.#uids.length} EXISTS`);
    }
    // Expunges that could not be told yet are looked for again next time.
    this.#upTo = gone && !options.withExpunges ? [] : now;
    return lines;
  }

  /** RFC 7162 §3.2.10: with QRESYNC all of them go in one line, by UID. */
  #removeGone(lines: string[], asVanished: boolean): boolean {
    let any = false;
    if (asVanished) {
      const gone = this.#uids.filter((uid) => this.folder.find(uid) === null);
      if (gone.length > 0) lines.push(`* VANISHED ${formatUidSet(gone)}`);
    }
    for (let position = this.#uids.length - 1; position >= 0; position -= 1) {
      if (this.folder.find(this.#uids[position] ?? 0) !== null) continue;
      if (!asVanished) lines.push(`* ${position + 1} EXPUNGE`);
      any = true;
    }
    if (any) {
      this.#shown = this.#shown.filter((message) => this.folder.find(message.uid) !== null);
      this.#uids = this.#shown.map((message) => message.uid);
    }
    return any;
  }
}
