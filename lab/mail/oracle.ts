import type { ImapFlow, ListResponse } from 'imapflow';
import { type ImapEndpoint, withImap } from '../imap-client.ts';
import { digestOf } from './digest.ts';

/** A mailbox as an independent reader sees it. It shares no code with the copier and believes none of its numbers. */
export interface MailboxCensus {
  readonly folders: readonly FolderCensus[];
}

export interface FolderCensus {
  /** Decoded names from the root, joined by `/`. */
  readonly name: string;
  /** Special use as LIST says it or as the name tells, `\Sent` and so on; null for none. */
  readonly use: string | null;
  /** How often each message is here, by digest (see digest.ts). */
  readonly counts: ReadonlyMap<string, number>;
}

export interface Comparison {
  /** In the source more often than in the target, all folders together. */
  lost: Difference[];
  /** Known to the source, and in the target too often. */
  doubled: Difference[];
  /** In the target and unknown to the source. */
  unexpected: Difference[];
  /** In the target often enough, yet missing from the folder they belong in. */
  misfiled: Difference[];
}

export interface Difference {
  digest: string;
  /** Where it belongs, or for what is doubled and unexpected, one folder it is in. */
  folder: string;
  count: number;
}

/** Reads every message of every folder; what is the same message is what `digest` says, by default its bytes. */
export async function readMailbox(
  endpoint: ImapEndpoint,
  digest: (raw: Buffer) => string | Promise<string> = digestOf,
): Promise<MailboxCensus> {
  return await withImap(endpoint, async (client) => {
    const folders: FolderCensus[] = [];
    for (const listed of await client.list()) {
      const name = [...listed.parent, listed.name].join('/');
      if (listed.flags.has('\\Noselect') || listed.flags.has('\\NonExistent')) continue;
      folders.push({ name, use: listed.specialUse ?? null, counts: await countMessages(client, listed, digest) });
    }
    return { folders };
  });
}

/**
 * Compares multisets: two identical messages in the source have to be two in the target. A folder is expected under its own name,
 * or where it or its nearest parent has a special use, in the target's folder of that use (T7, T8). `expectedName` overrides.
 */
export function compareMailboxes(
  source: MailboxCensus,
  target: MailboxCensus,
  expectedName: (folder: FolderCensus) => string = (folder) => targetName(folder, source, target),
): Comparison {
  const expected = locate(source, expectedName);
  const actual = locate(target, (folder) => folder.name);
  const result: Comparison = { lost: [], doubled: [], unexpected: [], misfiled: [] };
  for (const [digest, wanted] of expected) {
    const found = actual.get(digest) ?? new Map<string, number>();
    const missing = shortages(wanted, found);
    let lost = Math.max(0, total(wanted) - total(found));
    for (const [folder, count] of missing) {
      const gone = Math.min(lost, count);
      lost -= gone;
      if (gone > 0) result.lost.push({ digest, folder, count: gone });
      if (count > gone) result.misfiled.push({ digest, folder, count: count - gone });
    }
    const surplus = total(found) - total(wanted);
    if (surplus > 0) result.doubled.push({ digest, folder: firstFolder(shortages(found, wanted)), count: surplus });
  }
  for (const [digest, found] of actual) {
    if (!expected.has(digest)) result.unexpected.push({ digest, folder: firstFolder(found), count: total(found) });
  }
  return result;
}

export function isSame({ lost, doubled, unexpected, misfiled }: Comparison): boolean {
  return lost.length + doubled.length + unexpected.length + misfiled.length === 0;
}

async function countMessages(
  client: ImapFlow,
  folder: ListResponse,
  digestOf: (raw: Buffer) => string | Promise<string>,
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  const { exists } = await client.mailboxOpen(folder.path, { readOnly: true });
  if (exists === 0) return counts;
  for await (const { source, uid } of client.fetch('1:*', { uid: true, source: true })) {
    if (source === undefined) throw new Error(`${folder.path}: the server gave no bytes for UID ${uid}`);
    const digest = await digestOf(source);
    counts.set(digest, (counts.get(digest) ?? 0) + 1);
  }
  return counts;
}

function targetName(folder: FolderCensus, source: MailboxCensus, target: MailboxCensus): string {
  const names = folder.name.split('/');
  for (let depth = names.length; depth > 0; depth -= 1) {
    const use = source.folders.find(({ name }) => name === names.slice(0, depth).join('/'))?.use;
    const counterpart = use ? target.folders.find((each) => each.use === use) : undefined;
    if (counterpart !== undefined) return [counterpart.name, ...names.slice(depth)].join('/');
  }
  return folder.name;
}

type Places = ReadonlyMap<string, number>;

function locate(mailbox: MailboxCensus, nameOf: (folder: FolderCensus) => string): ReadonlyMap<string, Places> {
  const places = new Map<string, Map<string, number>>();
  for (const folder of mailbox.folders) {
    const name = nameOf(folder);
    for (const [digest, count] of folder.counts) {
      const of = places.get(digest) ?? new Map<string, number>();
      of.set(name, (of.get(name) ?? 0) + count);
      places.set(digest, of);
    }
  }
  return places;
}

function shortages(wanted: Places, found: Places): Places {
  const missing = [...wanted].map(([folder, count]) => [folder, count - (found.get(folder) ?? 0)] as const);
  return new Map(missing.filter(([, count]) => count > 0));
}

function total(places: Places): number {
  return [...places.values()].reduce((sum, count) => sum + count, 0);
}

function firstFolder(places: Places): string {
  return places.keys().next().value ?? '';
}
