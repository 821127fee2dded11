import { setInterval as ticks } from 'node:timers/promises';
import { openDatabase } from '../../adapters/ledger/database.ts';
import { createPostgresLedger } from '../../adapters/ledger/ledger.ts';
import { createByteBudget } from '../../domain/byte-budget.ts';
import { copyMailbox } from '../../domain/copy-mailbox.ts';
import type { FolderPath, FolderStatus, Message } from '../../domain/mail.ts';
import type { Appended, MailTarget, OpenedFolder } from '../../domain/ports/mail.ts';
import { imapConnector, plainAccount, neverAborted as signal } from './imap-accounts.ts';

/**
 * Copies a mailbox of any size to a target that keeps nothing, as a process of its own, so that only what a worker holds is in its
 * memory: `node --expose-gc test/support/copy-large.ts DATABASE_URL SOURCE_PORT USER PASSES`. Prints a line of JSON a pass (see
 * {@link LargePass}).
 */
export interface LargePass {
  readonly moved: number;
  readonly bytes: number;
  readonly folders: number;
  readonly unchanged: number;
  readonly seconds: number;
  /** The most memory (RSS) seen while so many tenths of the messages were on their way; the census is before the first. */
  readonly peakBytes: readonly number[];
  /** What was left of the heap after each of these tenths, once garbage was collected (`--expose-gc`); with buffers outside of it. */
  readonly liveBytes: readonly number[];
}

const MAILBOX = 'mbx-large';
const SAMPLE_MS = 100;

class DiscardingTarget implements MailTarget {
  readonly route = 'imap';
  readonly fidelity = 'bytes';
  readonly keys = null;
  readonly visibleAfterMs = 0;
  readonly facts = { capabilities: ['IMAP4rev1', 'UIDPLUS', 'MULTIAPPEND'], tls: true, name: 'discarding' };
  readonly reportsUid = true;
  readonly appendsMany = true;
  readonly munges8BitHeaders = false;
  readonly maxMessageBytes = null;
  readonly separator = '/';
  readonly rootIsInbox = false;
  readonly #next = new Map<string, number>();

  async *listFolders() {
    yield { id: 'INBOX', path: ['INBOX'], role: 'inbox' } as const;
  }

  async ensureFolder(path: FolderPath): Promise<OpenedFolder> {
    const id = path.join('/');
    return { id, path, role: id === 'INBOX' ? 'inbox' : null, exists: 0, uidNext: this.#next.get(id) ?? 1 };
  }

  async getStatus({ id }: { readonly id: string }): Promise<FolderStatus> {
    return { uidValidity: '1', uidNext: this.#next.get(id) ?? 1, exists: 0, highestModSeq: null };
  }

  async append(folder: OpenedFolder, message: Message): Promise<Appended> {
    return (await this.appendAll(folder, [message]))[0] ?? { id: null, droppedFlags: [] };
  }

  async appendAll({ id }: { readonly id: string }, messages: readonly Message[]): Promise<readonly Appended[]> {
    const first = this.#next.get(id) ?? 1;
    this.#next.set(id, first + messages.length);
    return messages.map((_, at) => ({ id: { uidValidity: '1', uid: first + at }, droppedFlags: [] }));
  }

  async *listFlags() {}
  async storeFlags(): Promise<void> {}
  async *listMessages() {}
  async close(): Promise<void> {}
}

const [url = '', port = '', user = '', passes = ''] = process.argv.slice(2);
const db = openDatabase(url, { maxConnections: 8 });
const ledger = createPostgresLedger(db);
const account = plainAccount(Number(port), user);
const target = new DiscardingTarget();
for (let number = 1; number <= Number(passes); number += 1) {
  const source = await imapConnector.openSource(account, signal);
  const begun = performance.now();
  const peakBytes: number[] = [];
  const liveBytes: number[] = [];
  const progress = { moved: 0, expected: 0 };
  const over = new AbortController();
  const watching = (async () => {
    for await (const _ of ticks(SAMPLE_MS, null, { signal: over.signal })) {
      const tenth = progress.expected === 0 ? 0 : Math.ceil((10 * progress.moved) / progress.expected);
      peakBytes[tenth] = Math.max(peakBytes[tenth] ?? 0, process.memoryUsage.rss());
    }
  })().catch(() => undefined);
  for await (const folder of source.listFolders()) {
    if (folder.selectable) progress.expected += (await source.getStatus(folder)).exists;
  }
  const report = await copyMailbox({
    source,
    target,
    ledger,
    lease: await ledger.takeLease(MAILBOX, 'large'),
    mailbox: { id: MAILBOX, mapping: {} },
    pass: { kind: number === 1 ? 'initial' : 'delta', number },
    signal,
    lanes: {
      open: async () => {
        const lane = { source: await imapConnector.openSource(account, signal), target };
        return { ...lane, isWanted: async () => false, close: async () => await lane.source.close() };
      },
      pace: {
        now: () => performance.now(),
        pause: async (ms) => void (await new Promise((done) => setTimeout(done, ms))),
      },
    },
    budget: createByteBudget(),
    now: () => new Date().toISOString(),
    onProgress: ({ copied }) => {
      progress.moved = copied;
      if (copied >= ((liveBytes.length + 1) * progress.expected) / 10) {
        globalThis.gc?.();
        const { heapUsed, external } = process.memoryUsage();
        liveBytes.push(heapUsed + external);
      }
    },
  });
  over.abort();
  await watching;
  await source.close();
  const { moved, bytes, folders, unchanged } = report;
  const seconds = (performance.now() - begun) / 1_000;
  const line: LargePass = {
    moved,
    bytes,
    folders,
    unchanged,
    seconds,
    peakBytes: Array.from(peakBytes, (each) => each ?? 0),
    liveBytes,
  };
  console.log(JSON.stringify(line));
}
await db.destroy();
