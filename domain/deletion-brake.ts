/** When deletions at the source are followed without a person: few, and spread as people delete. Pure. */

/** More than this part of the copies, or more than so many, needs a person. */
const MOST_OF_COPIES = 0.05;
const MOST = 100;
/** A folder that was emptied of more than so many, or is gone, may be a fault of the source (T73). */
const MOST_OF_AN_EMPTY_FOLDER = 10;

/** What has vanished from one source folder. */
export interface VanishedFrom {
  /** As people read it. */
  readonly folder: string;
  readonly vanished: number;
  /** Messages that are left there; null: the folder is gone. */
  readonly left: number | null;
}

export interface BrakeInput {
  readonly folders: readonly VanishedFrom[];
  /** Copies of the mailbox that we hold, the vanished ones among them. */
  readonly copies: number;
  /** So many at most a person has allowed; null: nobody was asked. */
  readonly allowed: number | null;
}

/** @returns why a person is needed, as a sentence without its end; null: none is */
export function findBrake({ folders, copies, allowed }: BrakeInput): string | null {
  const vanished = folders.reduce((sum, folder) => sum + folder.vanished, 0);
  if (vanished === 0 || (allowed !== null && vanished <= allowed)) return null;
  const [whole] = folders.filter(({ left, vanished: count }) => {
    return count > 0 && (left === null || (left === 0 && count > MOST_OF_AN_EMPTY_FOLDER));
  });
  if (whole) return `the folder "${whole.folder}" is ${whole.left === null ? 'gone' : 'empty'} at the source`;
  if (vanished > MOST) return `more than ${MOST} at once need a person`;
  if (vanished > copies * MOST_OF_COPIES)
    return `more than ${MOST_OF_COPIES * 100} % of ${copies} copies need a person`;
  return null;
}
