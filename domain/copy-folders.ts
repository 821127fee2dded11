import { type CensusContext, takeCensus } from './census.ts';
import type { CopyContext, Lane } from './copy-context.ts';
import { MigrationError } from './errors.ts';
import type { LaneControl, LaneWork } from './lanes.ts';
import { prepareFolder } from './prepare-folder.ts';
import { readUnit } from './read-unit.ts';
import { reconcile } from './reconcile.ts';
import { isLostOnce } from './suspicion.ts';
import type { Ready } from './unit-outcomes.ts';
import { type FolderJob, type Task, type WorkUnit, WorkUnits } from './work-units.ts';
import { abandonUnit, writeUnit } from './write-unit.ts';

/** A unit that is read, with its share of the bytes in flight. */
interface InHand {
  readonly unit: WorkUnit;
  /** Emptied when it is through: a suspended lane would keep a message of 100 MB alive for nothing. */
  ready: readonly Ready[];
  readonly release: () => void;
  /** Met while it was read: what had come by then is sent first. */
  readonly fault: { readonly error: unknown } | null;
}

type Next = { readonly kind: 'folder'; readonly job: FolderJob } | { readonly kind: 'unit'; readonly inHand: InHand };

/** What is known before the census. */
export interface BeforeCensus extends Omit<CopyContext, 'adopts'>, Pick<CensusContext, 'exclude'> {
  /** Decides after the census where messages are copied from that show in several folders. @returns the folders with work */
  readonly place?: ((changed: readonly FolderJob[]) => Promise<readonly FolderJob[]>) | undefined;
}

/**
 * Takes the census of folders and copies what waits in them, each part on as many lanes as there are. Nothing is sent before
 * the last census is taken: only then it is known which messages have gone from one folder and turned up in another. Each
 * lane reads one unit ahead of the one that it sends.
 *
 * A fault of a folder ends that folder and is told; any other ends the work.
 */
export class FolderCopies implements LaneWork {
  /** By the folder's id. */
  readonly faults = new Map<string, MigrationError>();
  /** Folders in which nothing had changed. */
  unchanged = 0;
  readonly #before: BeforeCensus;
  readonly #failures: number;
  readonly #uncounted: FolderJob[];
  readonly #changed: FolderJob[] = [];
  readonly #counted = Promise.withResolvers<void>();
  #counting: number;
  #entries = 0;
  #copying: Promise<Copying> | null = null;
  #units: WorkUnits | null = null;
  #stopped = false;

  /** @param failures  attempts at this pass that were broken off before this one */
  constructor(before: BeforeCensus, jobs: readonly FolderJob[], failures: number) {
    this.#before = before;
    this.#failures = failures;
    const isSuspect = ({ entry }: FolderJob) => isLostOnce(entry);
    this.#uncounted = [...jobs.filter((job) => !isSuspect(job)), ...jobs.filter(isSuspect)];
    this.#counting = jobs.length;
    if (jobs.length === 0) this.#counted.resolve();
  }

  backlog(): number {
    return this.#units?.backlog() ?? this.#uncounted.length;
  }

  progress(): number {
    return this.#before.counts.bytes + this.#entries * BYTES_AN_ENTRY;
  }

  stop(): void {
    this.#stopped = true;
    this.#counted.resolve();
    this.#units?.stop();
  }

  async drive(lane: Lane, control: LaneControl): Promise<void> {
    if (!(await this.#takeCensuses(lane, control))) return;
    this.#copying ??= this.#beginCopying(lane);
    const { context, units } = await this.#copying;
    await new LaneCopy(context, units, this.faults, lane, control).run();
  }

  /** @returns false when this lane is to do nothing more */
  async #takeCensuses(lane: Lane, control: LaneControl): Promise<boolean> {
    for (let job = this.#uncounted.shift(); job !== undefined && !this.#stopped; job = this.#uncounted.shift()) {
      this.#before.signal.throwIfAborted();
      await this.#takeCensus(lane, job);
      this.#counting -= 1;
      if (this.#counting === 0) this.#counted.resolve();
      if (await control.mustEnd()) return false;
    }
    await this.#counted.promise;
    return !this.#stopped;
  }

  async #takeCensus({ source }: Lane, job: FolderJob): Promise<void> {
    const report = () => {
      this.#entries += 1;
      this.#before.report(job.source.path);
    };
    try {
      const hasWork = await takeCensus({ ...this.#before, report }, source, job.source, job.entry);
      if (hasWork) this.#changed.push(job);
      else this.unchanged += 1;
    } catch (error) {
      if (!(error instanceof MigrationError) || error.kind.scope !== 'folder') throw error;
      this.faults.set(job.entry.id, error);
    }
  }

  /** By the lane that comes first, while the others wait. */
  async #beginCopying(lane: Lane): Promise<Copying> {
    const { ledger, lease } = this.#before;
    await reconcile({ ...this.#before, adopts: false }, lane);
    const { place } = this.#before;
    const jobs = place ? await place(this.#changed) : this.#changed;
    const units = new WorkUnits(ledger, jobs, this.#failures);
    if (this.#stopped) units.stop();
    this.#units = units;
    const context = { ...this.#before, adopts: await ledger.hasOrphans(lease.mailboxId) };
    return { context, units };
  }
}

interface Copying {
  readonly context: CopyContext;
  readonly units: WorkUnits;
}

/** What a record of the census weighs beside a message when lanes are judged: a window of rows is like so many bytes. */
const BYTES_AN_ENTRY = 100_000;

/** One lane at its copying. */
class LaneCopy {
  readonly #context: CopyContext;
  readonly #units: WorkUnits;
  readonly #faults: Map<string, MigrationError>;
  readonly #lane: Lane;
  readonly #control: LaneControl;
  /** The folder that its source has open. */
  #at: FolderJob | null = null;

  constructor(
    context: CopyContext,
    units: WorkUnits,
    faults: Map<string, MigrationError>,
    lane: Lane,
    control: LaneControl,
  ) {
    this.#context = context;
    this.#units = units;
    this.#faults = faults;
    this.#lane = lane;
    this.#control = control;
  }

  async run(): Promise<void> {
    let ahead = this.#take();
    for (;;) {
      const next = await ahead;
      if (next === null) return;
      if (next.kind === 'folder') {
        await this.#prepare(next.job);
        ahead = this.#take();
        continue;
      }
      const { fault } = next.inHand;
      const ends = fault !== null || (await this.#control.mustEnd());
      ahead = ends ? Promise.resolve(null) : this.#take();
      ahead.catch(() => undefined); // it is waited for below, whatever becomes of this unit
      try {
        await this.#write(next.inHand);
      } catch (error) {
        const read = await ahead.catch(() => null);
        if (read?.kind === 'unit') await this.#abandon(read.inHand);
        throw error;
      }
      if (fault) throw fault.error;
    }
  }

  /** What comes next; a unit is read at once, a folder waits until the lane's target is free. */
  async #take(): Promise<Next | null> {
    for (;;) {
      const task: Task | null = await this.#units.next(this.#control.lanes(), this.#at);
      if (task === null || task.kind === 'folder') return task;
      this.#at = task.unit.work;
      const inHand = await this.#read(task.unit);
      if (inHand) return { kind: 'unit', inHand };
    }
  }

  async #prepare(job: FolderJob): Promise<void> {
    await this.#guarded(job, async () => {
      this.#units.ready(await prepareFolder(this.#context, this.#lane, job), job);
    });
  }

  /** @returns null where nothing of it is left to be sent */
  async #read(unit: WorkUnit): Promise<InHand | null> {
    const { budget, signal } = this.#context;
    const release = await budget.take(unit.sizeBytes, signal);
    let ready: readonly Ready[] = [];
    let fault: InHand['fault'] = null;
    try {
      await this.#guarded(unit.work, async () => {
        await this.#context.mayRead(unit.sizeBytes);
        ({ ready, fault } = await readUnit(this.#context, this.#lane, unit));
        if (ready.length === 0 && fault) throw fault.error;
      });
    } finally {
      if (ready.length === 0) {
        release();
        this.#units.end(unit);
      }
    }
    return ready.length === 0 ? null : { unit, ready, release, fault };
  }

  async #write(inHand: InHand): Promise<void> {
    const { unit, release } = inHand;
    try {
      await this.#guarded(unit.work, () => writeUnit(this.#context, this.#lane, unit, inHand.ready));
    } finally {
      inHand.ready = [];
      release();
      this.#units.end(unit);
    }
  }

  async #abandon({ unit, ready, release }: InHand): Promise<void> {
    release();
    this.#units.end(unit);
    await abandonUnit(this.#context, unit, ready).catch(() => undefined); // they stay intended, and are looked for next time
  }

  /** A fault of a folder drops the folder and nothing else. */
  async #guarded(job: FolderJob, run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      if (!(error instanceof MigrationError) || error.kind.scope !== 'folder') throw error;
      if (!this.#faults.has(job.entry.id)) this.#faults.set(job.entry.id, error);
      this.#units.drop(job);
    }
  }
}
