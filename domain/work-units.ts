import type { Arrivals } from './arrived-both-ways.ts';
import { LARGE_BYTES } from './byte-budget.ts';
import type { FolderPath, FolderRole, SourceFolder } from './mail.ts';
import type { FolderEntry, Ledger, LedgerMessage } from './ports/ledger.ts';
import type { TargetFolder } from './ports/mail.ts';
import { isSuspect } from './suspicion.ts';
import type { Unclaimed } from './unclaimed.ts';

/** A folder whose census is taken and in which messages wait to be copied. */
export interface FolderJob {
  readonly entry: FolderEntry;
  readonly source: SourceFolder;
  readonly targetPath: FolderPath;
  /** By which the target finds its folder; null where only the path counts. */
  readonly role: FolderRole;
}

/** A job after a look at the target. */
export interface FolderWork extends FolderJob {
  readonly target: TargetFolder;
  /** Copies at the target that nobody has claimed yet. */
  readonly unclaimed: Unclaimed;
  /** Mail there that came in by itself; null or absent where there is none to be matched. */
  readonly arrivals?: Arrivals | null;
  /** No message that is appended from now on gets a lower UID. */
  targetUidNext: number;
}

/** Messages of one folder that are read together and appended together. */
export interface WorkUnit {
  readonly work: FolderWork;
  readonly messages: readonly LedgerMessage[];
  readonly sizeBytes: number;
  /** One message over {@link LARGE_BYTES}; never on the last free lane. */
  readonly large: boolean;
}

export type Task =
  /** To be answered by {@link WorkUnits.ready} or {@link WorkUnits.drop}. */
  | { readonly kind: 'folder'; readonly job: FolderJob }
  /** To be answered by {@link WorkUnits.end}. */
  | { readonly kind: 'unit'; readonly unit: WorkUnit };

/**
 * Of one read and one APPEND. Measured against Dovecot 2.3 (design.md §8): from 50 messages on, one transaction and one fsync at
 * the target are spread over enough of them. What is on its way when a worker dies goes twice, so 2 MiB are enough.
 */
const UNIT_MESSAGES = 50;
const UNIT_BYTES = 2 * 1024 * 1024;
/** Rows of one question to the ledger. */
const PAGE = 500;

/** Folders that go to one target folder: one after the other, since they may claim the same copies there. */
interface Queue {
  readonly jobs: FolderJob[];
  state: 'waiting' | 'preparing' | 'ready';
  work: FolderWork | null;
  rows: LedgerMessage[];
  /** Where the next page begins; null before the first. */
  beforeUid: number | null;
  ended: boolean;
  /** Units of it that are under way. */
  running: number;
}

/** Hands out small units of work, spread evenly over folders, newest messages first. A unit in hand is never handed out twice. */
export class WorkUnits {
  readonly #ledger: Ledger;
  readonly #queues: Queue[];
  readonly #queueOf = new WeakMap<FolderJob, Queue>();
  readonly #large: WorkUnit[] = [];
  /** Each alone, and after everything else: see suspicion.ts. */
  readonly #suspects: WorkUnit[] = [];
  #largeRunning = 0;
  #stopped = false;
  /** Share of a whole unit that is handed out. */
  #share: number;
  #turn: Promise<unknown> = Promise.resolve();
  #changed = Promise.withResolvers<void>();

  /**
   * @param failures  attempts that were broken off before this one: a line that never lives long enough for a whole unit gets a
   *                  quarter of it for each, down to single messages, and twice as much again with every unit that gets through
   */
  constructor(ledger: Ledger, jobs: readonly FolderJob[], failures = 0) {
    this.#ledger = ledger;
    this.#share = 1 / 4 ** Math.min(failures, 4);
    const byTarget = new Map<string, Queue>();
    for (const job of jobs) {
      const key = JSON.stringify(job.targetPath);
      const queue = byTarget.get(key) ?? { ...EMPTY, jobs: [], rows: [] };
      queue.jobs.push(job);
      byTarget.set(key, queue);
    }
    this.#queues = [...byTarget.values()];
  }

  /**
   * Waits while others may still bring something.
   * @param lanes  how many lanes there are now: all but one of them may be busy with large messages
   * @param at     the folder that this lane has open: it stays there as long as that has no more lanes than others
   * @returns null when nothing is left to hand out
   */
  async next(lanes: number, at: FolderJob | null = null): Promise<Task | null> {
    for (;;) {
      const changed = this.#changed.promise;
      // One at a time: a page of a folder must not be asked for twice.
      const mine = this.#turn.then(() => this.#next(lanes, at));
      this.#turn = mine.catch(() => undefined);
      const task = await mine;
      if (task !== null || this.#queues.length === 0 || this.#stopped) return task;
      await changed;
    }
  }

  /** The folder was found or made at the target, and what an earlier attempt left there was looked through. */
  ready(work: FolderWork, job: FolderJob): void {
    const queue = this.#queueOf.get(job);
    if (queue?.state !== 'preparing') return;
    this.#queueOf.set(work, queue);
    Object.assign(queue, { state: 'ready', work, rows: [], beforeUid: null, ended: false });
    this.#tell();
  }

  /** A unit was copied, or given up. */
  end(unit: WorkUnit): void {
    this.#share = Math.min(1, this.#share * 2);
    if (unit.large) this.#largeRunning -= 1;
    const queue = this.#queueOf.get(unit.work);
    if (queue) {
      queue.running -= 1;
      this.#retire(queue);
    }
    this.#tell();
  }

  /** Hands out nothing more of a folder; units of it that are under way have to be ended all the same. */
  drop(job: FolderJob): void {
    const queue = this.#queueOf.get(job);
    if (queue === undefined || (queue.work !== null && queue.work !== job && queue.jobs[0] !== job)) return;
    for (const aside of [this.#large, this.#suspects]) {
      for (let at = aside.length - 1; at >= 0; at -= 1) if (aside[at]?.work === queue.work) aside.splice(at, 1);
    }
    Object.assign(queue, { state: 'ready', rows: [], ended: true });
    this.#retire(queue);
    this.#tell();
  }

  /** About how many units wait: whether a further lane would find one. */
  backlog(): number {
    const pages = this.#queues.map(({ state, rows, ended }) => {
      return state === 'ready' ? Math.ceil(rows.length / UNIT_MESSAGES) + (ended ? 0 : 1) : 1;
    });
    return pages.reduce((sum, each) => sum + each, this.#large.length + this.#suspects.length);
  }

  /** Whoever waits, and whoever asks from now on, gets nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#tell();
  }

  async #next(lanes: number, at: FolderJob | null): Promise<Task | null> {
    if (this.#stopped) return null;
    if (this.#largeRunning < lanes - 1) {
      const large = this.#large.shift();
      if (large) return this.#hand(large);
    }
    // A folder that nobody works in comes before a second lane for one.
    const here = at === null ? undefined : this.#queueOf.get(at);
    // Its own unit that is still on its way does not count.
    const load = (queue: Queue) => queue.running - (queue === here ? 1 : 0) + (queue === here ? 0 : 0.5);
    const isIdle = (queue: Queue) => load(queue) < 1;
    const unit =
      (await this.#cutFirst(load, isIdle)) ?? this.#beginFolder() ?? (await this.#cutFirst(load, () => true));
    if (unit) return unit;
    const last = this.#large.shift() ?? this.#suspects.shift();
    return last ? this.#hand(last) : null;
  }

  async #cutFirst(load: (queue: Queue) => number, isEligible: (queue: Queue) => boolean): Promise<Task | null> {
    const ready = this.#queues.filter((queue) => queue.state === 'ready' && isEligible(queue));
    for (const queue of ready.toSorted((a, b) => load(a) - load(b))) {
      const unit = await this.#cut(queue);
      if (unit) return this.#hand(unit);
    }
    return null;
  }

  #beginFolder(): Task | null {
    for (const queue of this.#queues) {
      const [job] = queue.jobs;
      if (queue.state !== 'waiting' || job === undefined) continue;
      queue.state = 'preparing';
      this.#queueOf.set(job, queue);
      return { kind: 'folder', job };
    }
    return null;
  }

  #hand(unit: WorkUnit): Task {
    if (unit.large) this.#largeRunning += 1;
    const queue = this.#queueOf.get(unit.work);
    if (queue) queue.running += 1;
    return { kind: 'unit', unit };
  }

  /** The next small unit of a folder; large messages on the way are put aside. */
  async #cut(queue: Queue): Promise<WorkUnit | null> {
    const { work } = queue;
    if (work === null) return null;
    const messages: LedgerMessage[] = [];
    let sizeBytes = 0;
    while (messages.length < Math.max(1, UNIT_MESSAGES * this.#share)) {
      if (queue.rows.length === 0 && !(await this.#page(queue, work))) break;
      const [row] = queue.rows;
      if (row === undefined) break;
      const large = row.sizeBytes > LARGE_BYTES;
      if (large || isSuspect(row)) {
        const aside = isSuspect(row) ? this.#suspects : this.#large;
        aside.push({ work, messages: [row], sizeBytes: row.sizeBytes, large });
      } else if (messages.length > 0 && sizeBytes + row.sizeBytes > UNIT_BYTES * this.#share) {
        break;
      } else {
        messages.push(row);
        sizeBytes += row.sizeBytes;
      }
      queue.rows.shift();
    }
    if (messages.length > 0) return { work, messages, sizeBytes, large: false };
    this.#retire(queue);
    return null;
  }

  async #page(queue: Queue, work: FolderWork): Promise<boolean> {
    if (queue.ended) return false;
    const rows = await this.#ledger.listUnfinished(work.entry.id, queue.beforeUid, PAGE);
    queue.ended ||= rows.length < PAGE;
    queue.beforeUid = rows.at(-1)?.uid ?? queue.beforeUid;
    queue.rows = [...rows];
    return rows.length > 0;
  }

  /** When the last unit of a folder is through, the next folder with the same target has its turn. */
  #retire(queue: Queue): void {
    if (!queue.ended || queue.rows.length > 0 || queue.running > 0) return;
    if ([this.#large, this.#suspects].some((aside) => aside.some(({ work }) => work === queue.work))) return;
    queue.jobs.shift();
    Object.assign(queue, EMPTY);
    if (queue.jobs.length === 0) this.#queues.splice(this.#queues.indexOf(queue), 1);
    this.#tell();
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

const EMPTY: Pick<Queue, 'state' | 'work' | 'beforeUid' | 'ended' | 'running'> = {
  state: 'waiting',
  work: null,
  beforeUid: null,
  ended: false,
  running: 0,
};
