import type { Lane } from './copy-context.ts';
import { MigrationError } from './errors.ts';

/** A further pair of connections to the same two accounts; a verification's lane has but one. */
export type SpareLane<L = Lane> = L & {
  /** Somebody else has no connection at all: this one should be given back between two units. */
  isWanted(): Promise<boolean>;
  close(): Promise<void>;
};

/** Time as the domain is given it. */
export interface Pace {
  /** Monotonic milliseconds. */
  now(): number;
  pause(ms: number): Promise<void>;
}

/** Waits until `pace` shows so many milliseconds, and looks every half second whether it may still. @throws the signal's reason */
export async function pauseUntil(pace: Pace, untilMs: number, signal: AbortSignal): Promise<void> {
  for (let left = untilMs - pace.now(); left > 0; left = untilMs - pace.now()) {
    signal.throwIfAborted();
    await pace.pause(Math.min(500, Math.ceil(left)));
  }
  signal.throwIfAborted();
}

export interface LaneOptions<L = Lane> {
  /** @returns null where no further connection is granted now */
  readonly open: () => Promise<SpareLane<L> | null>;
  readonly pace: Pace;
}

export interface LaneControl {
  /** How many are open now. */
  lanes(): number;
  /** This one is to end what it is at, and take nothing more. */
  mustEnd(): Promise<boolean>;
}

export interface LaneWork<L = Lane> {
  /** Works on one lane until nothing is left to do or it must end. */
  drive(lane: L, control: LaneControl): Promise<void>;
  /** Pieces of work that nobody is at: with no more than there are lanes, another one is not opened. */
  backlog(): number;
  /** Lets every lane run out of work. */
  stop(): void;
  /** Something that grows with what was done, e.g. bytes: tells whether another lane helped. */
  progress(): number;
}

/** So many are opened at once: measured against Dovecot, four is where a loopback target has enough (design.md §8). */
const AT_ONCE = 4;
/** Beyond them one more at a time, for as long as each brings at least this much more… */
const WORTH_IT = 1.05;
/** …measured over so long. */
const WINDOW_MS = 250;
const TICK_MS = 25;

/**
 * Works on the first lane and on as many spare ones as are granted and help. A lane that a server refuses, or whose server asks
 * for patience while it opens, halves their number and ends the growth; it never fails the work, which one lane can do alone.
 *
 * The first fault ends all of it: the others finish the piece they are at and take no more.
 * @throws that first fault
 */
export async function workOnLanes<L>(first: L, work: LaneWork<L>, options: LaneOptions<L>): Promise<void> {
  await new Lanes(work, options).run(first);
}

class Lanes<L> {
  readonly #work: LaneWork<L>;
  readonly #options: LaneOptions<L>;
  #open = 1;
  #limit = Number.POSITIVE_INFINITY;
  #over = false;
  #fault: { readonly error: unknown } | null = null;

  constructor(work: LaneWork<L>, options: LaneOptions<L>) {
    this.#work = work;
    this.#options = options;
  }

  async run(first: L): Promise<void> {
    const growth = this.#grow();
    await this.#drive(first, async () => false);
    this.#over = true; // the first lane ends only when nothing is left
    await growth;
    if (this.#fault) throw this.#fault.error;
  }

  /** Opens spare lanes while there is work for them and they help, and waits for all of them to end. */
  async #grow(): Promise<void> {
    const lanes: Promise<void>[] = [];
    const add = async () => {
      const lane = await this.#openOne();
      if (lane) lanes.push(this.#driveSpare(lane));
      return lane !== null;
    };
    for (let before = 0; !this.#over && !this.#fault; ) {
      const wanted = Math.min(this.#work.backlog(), AT_ONCE) - this.#open;
      if (wanted > 0) {
        const opened = await Promise.all(Array.from({ length: wanted }, add));
        if (opened.includes(false)) break;
      } else if (this.#work.backlog() > this.#open) {
        const rate = await this.#rate();
        if (rate < before * WORTH_IT || !(await add())) break;
        before = rate;
      } else {
        await this.#options.pace.pause(TICK_MS);
      }
    }
    await Promise.all(lanes);
  }

  async #openOne(): Promise<SpareLane<L> | null> {
    if (this.#over || this.#fault || this.#open >= this.#limit) return null;
    this.#open += 1;
    try {
      const lane = await this.#options.open();
      if (lane === null) this.#open -= 1;
      return lane;
    } catch (error) {
      this.#open -= 1;
      // Whatever is wrong with a further connection: the one that works goes on, and meets the fault itself if it is more than that.
      if (!(error instanceof MigrationError)) this.#fail(error);
      this.#limit = Math.max(1, Math.floor(this.#open / 2));
      return null;
    }
  }

  async #driveSpare(lane: SpareLane<L>): Promise<void> {
    try {
      await this.#drive(lane, async () => this.#open > this.#limit || (await lane.isWanted()));
    } finally {
      this.#open -= 1;
      await lane.close();
    }
  }

  async #drive(lane: L, isSurplus: () => Promise<boolean>): Promise<void> {
    const control = {
      lanes: () => this.#open,
      mustEnd: async () => this.#fault !== null || (await isSurplus()),
    };
    try {
      await this.#work.drive(lane, control);
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#fault ??= { error };
    this.#work.stop();
  }

  /** Progress a millisecond over a window, which ends early with the work. */
  async #rate(): Promise<number> {
    const { pace } = this.#options;
    const [start, done] = [pace.now(), this.#work.progress()];
    while (!this.#over && !this.#fault && pace.now() - start < WINDOW_MS) await pace.pause(TICK_MS);
    return (this.#work.progress() - done) / Math.max(1, pace.now() - start);
  }
}
