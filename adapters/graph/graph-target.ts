import type { ByteBudget } from '../../domain/byte-budget.ts';
import type { FlagsEntry, FolderPath, FolderRole, FolderStatus, Message } from '../../domain/mail.ts';
import type {
  Appended,
  CopyKeys,
  FlagChange,
  MailTarget,
  OpenedFolder,
  PolicyPlace,
  ServerFacts,
  TargetFolder,
  TargetMessage,
} from '../../domain/ports/mail.ts';
import type { Fidelity } from '../../domain/routes.ts';
import { findRow, getUid, listCopies, listRows, messagePath } from './copies.ts';
import { patchOf } from './flags.ts';
import { GraphFolders, isSeen } from './folders.ts';
import type { GraphClient } from './graph-client.ts';
import { insist } from './insist.ts';
import { mailError } from './mail-errors.ts';
import { isGone, MailboxCalls } from './mailbox-calls.ts';
import { listPolicyPlaces } from './policy-places.ts';
import { uidValidityOf } from './rows.ts';

export interface GraphTargetOptions {
  /** Of the mailbox: with its limiter and its write fence. */
  readonly client: GraphClient;
  /** Address of the mailbox. */
  readonly address: string;
  readonly signal: AbortSignal;
  /** What large messages that are read again may take of the process's memory. */
  readonly budget: ByteBudget;
  /** Time, in place of the clock. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly now?: () => number;
}

/** exchange.md §9.4: search and replicas follow within half a minute. */
const VISIBLE_AFTER_MS = 30_000;
/** UIDs are asked for together up to such a gap: one question is dearer than some rows that nobody wants. */
const NEAR = 200;

/** What both ways into a mailbox by Microsoft Graph have in common: its folders, and the re-reading of what was written. */
export abstract class GraphTarget implements Omit<MailTarget, 'route'> {
  protected readonly calls: MailboxCalls;
  protected readonly folders: GraphFolders;
  readonly #options: GraphTargetOptions;

  constructor(options: GraphTargetOptions) {
    const { client, address, signal, pause, now } = options;
    this.#options = options;
    this.calls = new MailboxCalls({
      client,
      address,
      signal,
      ...(pause !== undefined && { pause }),
      ...(now !== undefined && { now }),
    });
    this.folders = new GraphFolders(this.calls);
  }

  abstract readonly fidelity: Fidelity;
  abstract readonly keys: CopyKeys | null;
  abstract readonly maxMessageBytes: number | null;
  abstract append(folder: TargetFolder, message: Message): Promise<Appended>;

  /** The name tells the domain whose limits hold (domain/target-limits.ts). */
  readonly facts: ServerFacts = { capabilities: [], tls: true, name: 'Microsoft Exchange by Graph' };
  readonly visibleAfterMs = VISIBLE_AFTER_MS;
  readonly reportsUid = true;
  readonly appendsMany = false;
  readonly munges8BitHeaders = false;
  readonly separator = '/';
  readonly rootIsInbox = false;

  async *listFolders(): AsyncIterable<TargetFolder> {
    for (const folder of await this.folders.list()) {
      const { id, path, role } = folder;
      if (isSeen(folder)) yield { id, path, role };
    }
  }

  async ensureFolder(path: FolderPath, role: FolderRole): Promise<OpenedFolder> {
    return await this.folders.ensure(path, role);
  }

  async getStatus(folder: TargetFolder): Promise<FolderStatus> {
    return await this.folders.status(folder.id);
  }

  async appendAll(folder: TargetFolder, messages: readonly Message[]): Promise<readonly Appended[]> {
    const [only] = messages;
    // Creates are never put into a batch: it hides which of them happened (exchange.md §9.5).
    if (only === undefined || messages.length > 1) throw new Error('one message a call: see appendsMany');
    return [await this.append(folder, only)];
  }

  async *listFlags(folder: TargetFolder, uids: readonly number[]): AsyncIterable<FlagsEntry> {
    const sorted = [...new Set(uids)].sort((one, other) => one - other);
    for (let at = 0; at < sorted.length; ) {
      const first = sorted[at] ?? 0;
      let last = first;
      const wanted = new Set<number>();
      for (let uid = sorted[at]; uid !== undefined && uid - last <= NEAR; uid = sorted[at]) {
        wanted.add(uid);
        last = uid;
        at += 1;
      }
      const where = { folderId: folder.id, fromUid: first, beforeUid: last + 1 };
      for await (const { uid, flags } of listRows(this.calls, where)) if (wanted.has(uid)) yield { uid, flags };
    }
  }

  async storeFlags(folder: TargetFolder, uid: number, change: FlagChange): Promise<void> {
    const row = await findRow(this.calls, folder.id, uid);
    const body = row === null ? null : patchOf(row.flags, change);
    if (row === null || body === null) return;
    const call = { name: 'store flags', path: messagePath(row.id), body };
    const outcome = await this.calls.attempt('PATCH', call);
    if (outcome.did === 'happen' || isGone(outcome)) return;
    throw mailError({ name: call.name, effect: true }, outcome, 'message', { folder: folder.id, uid });
  }

  async *listMessages(folder: TargetFolder, fromUid: number, beforeUid?: number): AsyncIterable<TargetMessage> {
    const { uidNext } = await this.folders.status(folder.id);
    const where = {
      folderId: folder.id,
      fromUid: Math.max(1, fromUid),
      beforeUid: Math.min(uidNext, beforeUid ?? uidNext),
    };
    yield* listCopies(this.calls, where, this.#options.budget, this.#options.signal);
  }

  listPolicyPlaces(): AsyncIterable<PolicyPlace> {
    const { budget, signal } = this.#options;
    return listPolicyPlaces(this.calls, { fidelity: this.fidelity, budget, signal });
  }

  async close(): Promise<void> {
    this.calls.close();
  }

  /**
   * Where a message is now that it certainly is there. What goes wrong here must not be taken for a message that is not there.
   * @throws CONNECTION_LOST
   */
  protected async placeOf(folder: TargetFolder, messageId: string): Promise<Appended['id']> {
    const pause = (ms: number) => this.calls.pause(ms);
    const uid = await insist('its UID could not be read', pause, () => getUid(this.calls, messageId));
    return { uidValidity: uidValidityOf(folder.id), uid };
  }
}
