import type { RequestParty } from './ports/request-limiter.ts';

/** What one process says to the others of its requests for one party. */
export interface ThrottleReport {
  readonly party: RequestParty;
  /** Names the process. */
  readonly holder: string;
  /** Requests that run now: they keep their places. */
  readonly running: number;
  /** Requests that run or wait. 0 gives the share back. */
  readonly wanted: number;
  /** Bytes that are to be booked, and how many are enough where those do not fit. */
  readonly upload: { readonly bytes: number; readonly enough: number };
  /** What a server said since the last report. `forMs` is null where it did not say how long. */
  readonly slowDown: { readonly whom: 'mailbox' | 'application'; readonly forMs: number | null } | null;
  /** A share that is not renewed for so long is free. */
  readonly validMs: number;
}

export interface ThrottleGrant {
  /** Requests that may run at the same time in this process. Not fewer than `running`. */
  readonly places: number;
  /** Nobody may make a request before; 0: now. */
  readonly waitMs: number;
  /** Bytes that were booked; 0 where not even `enough` fit. */
  readonly uploadBytes: number;
  /** When `enough` bytes will fit; 0: they do. */
  readonly uploadWaitMs: number;
}

/** How fast one party is; times are milliseconds of the store's clock. */
export interface Pace {
  readonly places: number;
  /** When it last got slower or quicker. */
  readonly changedAtMs: number;
  readonly notBeforeMs: number;
  /** How often it was told to wait since it last got quicker. */
  readonly strikes: number;
}

/** What others hold of a party, their share being valid. */
export interface Share {
  readonly places: number;
  readonly wanted: number;
}

/** Bytes of one slice of time; `endMs` is its end. */
export interface UploadSlice {
  readonly endMs: number;
  readonly bytes: number;
}

// exchange.md §9.5: two in flight at first, at most four as the service runs no more (§3), one more for each quiet minute.
const FIRST_PLACES = 2;
const MOST_PLACES = 4;
const QUIET_MS = 60_000;
/** Where a server does not say how long: a second, then twice as long each time (exchange.md §3), at most what it asks for (§5.3). */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 300_000;

// exchange.md §3: 150 MB of POST, PATCH and PUT in five minutes for one application and mailbox.
export const UPLOAD_LIMIT_BYTES = 150_000_000;
export const UPLOAD_WINDOW_MS = 300_000;
/** A slice counts until the window has passed since its end, which errs on the side of the limit. */
export const UPLOAD_SLICE_MS = 10_000;

export function firstPace(nowMs: number): Pace {
  return { places: FIRST_PLACES, changedAtMs: nowMs, notBeforeMs: 0, strikes: 0 };
}

/** One place more for each minute in which nobody was told to wait. */
export function quicker(pace: Pace, nowMs: number): Pace {
  const quietSinceMs = Math.max(pace.changedAtMs, pace.notBeforeMs);
  const minutes = Math.floor((nowMs - quietSinceMs) / QUIET_MS);
  if (minutes < 1) return pace;
  const places = Math.min(MOST_PLACES, pace.places + minutes);
  return { places, changedAtMs: quietSinceMs + minutes * QUIET_MS, notBeforeMs: pace.notBeforeMs, strikes: 0 };
}

/** Half of the places. Several requests that are refused together are one refusal, of which the longest wait counts. */
export function slower(pace: Pace, nowMs: number, forMs: number | null): Pace {
  const again = nowMs < pace.notBeforeMs;
  const waitMs = forMs ?? Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** pace.strikes);
  return {
    places: again ? pace.places : Math.max(1, Math.floor(pace.places / 2)),
    changedAtMs: nowMs,
    notBeforeMs: again && forMs === null ? pace.notBeforeMs : Math.max(pace.notBeforeMs, nowMs + waitMs),
    strikes: again ? pace.strikes : pace.strikes + 1,
  };
}

/**
 * How many of `places` one process may use. While others go short, what they lack of an equal part is left to them; where there are
 * more processes than places, who had one, `held`, leaves it for a while, and who had none takes it.
 */
export function shareOf(
  places: number,
  mine: { readonly running: number; readonly wanted: number; readonly held: number },
  others: readonly Share[],
): number {
  const short = others.filter((each) => each.wanted > each.places);
  const part = Math.max(1, Math.floor(places / (others.filter((each) => each.wanted > 0).length + 1)));
  let most = places - others.reduce((sum, each) => sum + each.places, 0);
  if (mine.held > 0) for (const each of short) most -= Math.max(0, Math.min(each.wanted, part) - each.places);
  else if (short.length > 0) most = Math.min(most, part);
  return Math.max(mine.running, Math.min(mine.wanted, most), 0);
}

/** How long until `bytes` more fit into the window; 0: now. What is larger than the window fits when nothing else is in it. */
export function uploadWaitMs(slices: readonly UploadSlice[], bytes: number, nowMs: number): number {
  const counting = slices
    .filter(({ endMs }) => endMs + UPLOAD_WINDOW_MS > nowMs)
    .toSorted((one, other) => one.endMs - other.endMs);
  let used = counting.reduce((sum, slice) => sum + slice.bytes, 0);
  let waitMs = 0;
  for (const slice of counting) {
    if (used + bytes <= UPLOAD_LIMIT_BYTES) break;
    used -= slice.bytes;
    waitMs = slice.endMs + UPLOAD_WINDOW_MS - nowMs;
  }
  return waitMs;
}

/** What both stores do with a report, once they have read what is known. */
export function grantOf(
  report: ThrottleReport,
  known: {
    readonly nowMs: number;
    readonly mailbox: Pace;
    readonly application: Pace;
    readonly held: number;
    readonly others: readonly Share[];
    readonly slices: readonly UploadSlice[];
  },
): { readonly grant: ThrottleGrant; readonly mailbox: Pace; readonly application: Pace } {
  const { nowMs, held, others, slices } = known;
  const { slowDown, running, wanted, upload } = report;
  let mailbox = quicker(known.mailbox, nowMs);
  let application = known.application;
  if (slowDown?.whom === 'mailbox') mailbox = slower(mailbox, nowMs, slowDown.forMs);
  if (slowDown?.whom === 'application') application = slower(quicker(application, nowMs), nowMs, slowDown.forMs);
  const fits = uploadWaitMs(slices, upload.bytes, nowMs) === 0;
  const waitForEnough = fits ? 0 : uploadWaitMs(slices, upload.enough, nowMs);
  const grant = {
    places: shareOf(mailbox.places, { running, wanted, held }, others),
    waitMs: Math.max(0, mailbox.notBeforeMs - nowMs, application.notBeforeMs - nowMs),
    uploadBytes: fits ? upload.bytes : waitForEnough === 0 ? upload.enough : 0,
    uploadWaitMs: waitForEnough,
  };
  return { grant, mailbox, application };
}
