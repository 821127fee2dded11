import { type ImapEndpoint, withImap } from '../../lab/imap-client.ts';
import { digestOf } from '../../lab/mail/digest.ts';

export interface SeenMail {
  /** Its special use (`\\Sent`) where it has one, else its name: a copy is filed by use (T7, T8). */
  readonly folder: string;
  readonly digest: string;
  /** Sorted, without `\Recent`. */
  readonly flags: readonly string[];
  /** RFC 3339 UTC. */
  readonly internalDate: string;
}

/** A mailbox as its owner sees it; shares nothing with the product. */
export async function readMails(endpoint: ImapEndpoint): Promise<readonly SeenMail[]> {
  return await withImap(endpoint, async (client) => {
    const mails: SeenMail[] = [];
    for (const { path, parent, name, flags, specialUse } of await client.list()) {
      if (flags.has('\\Noselect') || flags.has('\\NonExistent')) continue;
      const { exists } = await client.mailboxOpen(path, { readOnly: true });
      const wanted = { source: true, flags: true, internalDate: true };
      for await (const mail of exists > 0 ? client.fetch('1:*', wanted) : []) {
        mails.push({
          folder: specialUse ?? [...parent, name].join('/'),
          digest: digestOf(mail.source ?? Buffer.alloc(0)),
          flags: [...(mail.flags ?? [])].filter((flag) => flag !== '\\Recent').toSorted(),
          internalDate: new Date(mail.internalDate ?? 0).toISOString(),
        });
      }
    }
    return mails;
  });
}

type Places = ReadonlyMap<string, number>;

/**
 * What a source was before each pass. Whatever it had then has to be at the target once, where it was at one of these times:
 * deletions are not carried over, and a copy stays where it lies when its message is moved.
 */
export class MailHistory {
  readonly #states: (readonly SeenMail[])[] = [];

  observe(mails: readonly SeenMail[]): void {
    this.#states.push(mails);
  }

  /** @returns a line for each fault; empty where the target is as it has to be */
  faultsOf(target: readonly SeenMail[]): string[] {
    const states = this.#states.map(placesByDigest);
    const [last = new Map<string, Places>()] = states.slice(-1);
    const there = placesByDigest(target);
    const faults: string[] = [];
    for (const digest of new Set([...there.keys(), ...last.keys()])) {
      const found = there.get(digest) ?? NOWHERE;
      const was = states.map((state) => state.get(digest) ?? NOWHERE);
      const most = Math.max(...was.map(total));
      const [least, count] = [total(last.get(digest) ?? NOWHERE), total(found)];
      if (most === 0) faults.push(`unexpected: ${digest} in ${[...found.keys()].join(', ')}`);
      else if (count < least) faults.push(`lost: ${least - count} of ${digest} from ${placesIn(last.get(digest))}`);
      else if (count > most) faults.push(`doubled: ${count - most} of ${digest} in ${placesIn(found)}`);
      for (const [folder, here] of found) {
        const allowed = Math.max(...was.map((places) => places.get(folder) ?? 0));
        if (here > allowed && most > 0) faults.push(`misfiled: ${here - allowed} of ${digest} in ${folder}`);
      }
    }
    return [...faults, ...this.#changed(target)];
  }

  /** Flags and date, of mails that both sides have once. */
  #changed(target: readonly SeenMail[]): string[] {
    const copies = Map.groupBy(target, ({ digest }) => digest);
    const mails = Map.groupBy(this.#states.at(-1) ?? [], ({ digest }) => digest);
    return [...mails].flatMap(([digest, [mail, twin]]) => {
      const [copy, ...others] = copies.get(digest) ?? [];
      if (mail === undefined || twin !== undefined || copy === undefined || others.length > 0) return [];
      const [is, was] = [copy, mail].map(({ flags, internalDate }) => `${internalDate} ${flags.join(' ')}`);
      return is === was ? [] : [`changed: ${digest} in ${copy.folder} is "${is}" and was "${was}"`];
    });
  }
}

const NOWHERE: Places = new Map();

function placesByDigest(mails: readonly SeenMail[]): ReadonlyMap<string, Places> {
  const byDigest = Map.groupBy(mails, ({ digest }) => digest);
  const count = (group: readonly SeenMail[]) => {
    const groups = Map.groupBy(group, ({ folder }) => folder);
    return new Map([...groups].map(([folder, { length }]) => [folder, length]));
  };
  return new Map([...byDigest].map(([digest, group]) => [digest, count(group)]));
}

function total(places: Places): number {
  return [...places.values()].reduce((sum, count) => sum + count, 0);
}

function placesIn(places: Places = NOWHERE): string {
  return [...places].map(([folder, count]) => `${folder} (${count})`).join(', ');
}
