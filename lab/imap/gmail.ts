import type { FolderRole } from '../../domain/mail.ts';
import { nstring, type Piece } from './envelope.ts';
import type { Folder, NewMessage } from './folder.ts';
import { encodeMutf7 } from './mutf7.ts';
import type { Account } from './store.ts';
import type { StoredMessage } from './stored-message.ts';

/** Gmail's labels of its own, with the folder that shows each. */
const SYSTEM_LABELS: Readonly<Record<string, { readonly name: string; readonly role: FolderRole }>> = {
  '\\Inbox': { name: 'INBOX', role: 'inbox' },
  '\\Sent': { name: 'Sent Mail', role: 'sent' },
  '\\Draft': { name: 'Drafts', role: 'drafts' },
  '\\Starred': { name: 'Starred', role: 'flagged' },
  '\\Important': { name: 'Important', role: null },
  '\\Spam': { name: 'Spam', role: 'junk' },
  '\\Trash': { name: 'Trash', role: 'trash' },
};
/** What has one of these is not in All Mail. */
const OUTSIDE = ['\\Spam', '\\Trash'];
/** Gmail's ids have 64 bits and are past 2^53, so that whoever reads them as a number mixes them up. */
const FIRST_ID = 1_790_000_000_000_000_000n;

export interface GmailMessage extends Omit<NewMessage, 'id' | 'labels'> {
  /** `\Inbox`, `\Sent`, …, or names of the user's own, `/` between levels. None: archived, in All Mail only. */
  labels: readonly string[];
}

/**
 * A mailbox of Gmail: messages with labels, and folders that are views on labels, each with UIDs of its own. A source only: what
 * clients APPEND, COPY or STORE changes the one folder and no label.
 */
export class GmailMailbox {
  readonly #account: Account;
  readonly #allMail: Folder;

  constructor(account: Account) {
    this.#account = account;
    this.#allMail = account.ensureFolder(['[Gmail]', 'All Mail'], 'all');
    for (const label of Object.keys(SYSTEM_LABELS)) this.#folderOf(label);
  }

  /** Adds one message to every place that its labels give it; returns the id that all of them share. */
  add({ labels, ...message }: GmailMessage): number {
    const outside = labels.some((label) => OUTSIDE.includes(label));
    const places = outside ? [] : [{ folder: this.#allMail, label: '' }];
    places.push(...labels.map((label) => ({ folder: this.#folderOf(label), label })));
    let id: number | undefined;
    for (const { folder, label } of places) {
      const stored = folder.append({ ...message, labels: without(labels, label), ...(id !== undefined && { id }) });
      id = stored.id;
    }
    if (id === undefined) throw new Error('A message lies in at least one folder');
    return id;
  }

  /** Gives and takes labels, as the user does in the web interface: the message comes and goes in their folders. */
  setLabels(id: number, labels: readonly string[]): void {
    const places = this.#placesOf(id);
    const [first] = places;
    if (first === undefined) return;
    const { raw, internalDate, flags } = first.message;
    const outside = labels.some((label) => OUTSIDE.includes(label));
    const wanted = new Map(labels.map((label) => [this.#folderOf(label), label]));
    if (!outside) wanted.set(this.#allMail, '');
    for (const { folder, message } of places) {
      const label = wanted.get(folder);
      if (label === undefined) folder.expunge([message.uid]);
      else folder.setLabels(message.uid, without(labels, label));
      wanted.delete(folder);
    }
    for (const [folder, label] of wanted) {
      folder.append({ raw, internalDate, flags, id, labels: without(labels, label) });
    }
  }

  /** Flags belong to the message and are the same in every folder. */
  setFlags(id: number, flags: readonly string[]): void {
    for (const { folder, message } of this.#placesOf(id)) folder.setFlags(message.uid, new Set(flags));
  }

  #placesOf(id: number): { folder: Folder; message: StoredMessage }[] {
    return this.#account
      .listFolders()
      .flatMap((folder) =>
        folder.messages.filter((message) => message.id === id).map((message) => ({ folder, message })),
      );
  }

  #folderOf(label: string): Folder {
    const system = SYSTEM_LABELS[label];
    if (system === undefined) return this.#account.ensureFolder(label.split('/'));
    if (system.role === 'inbox') return this.#account.inbox;
    return this.#account.ensureFolder(['[Gmail]', system.name], system.role);
  }
}

/** `X-GM-MSGID`, `X-GM-THRID` (here each message is a thread of its own) or `X-GM-LABELS`. */
export function gmailItem(item: string, { id, labels }: StoredMessage): Piece[] {
  if (item !== 'X-GM-LABELS') return [`${item} ${FIRST_ID + BigInt(id)}`];
  const names = (labels ?? []).flatMap((label): Piece[] => [' ', ...nstring(encodeMutf7(label))]).slice(1);
  return ['X-GM-LABELS (', ...names, ')'];
}

/** FETCH leaves out the label of the folder that is open (github.com/dlech/gmailbuttons issue 10). */
function without(labels: readonly string[], label: string): string[] {
  return labels.filter((each) => each !== label);
}
