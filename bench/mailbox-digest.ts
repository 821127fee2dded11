import { createHash } from 'node:crypto';
import { type ImapEndpoint, withImap } from '../lab/imap-client.ts';

/** Digest of each message, in any folder, with the number of times that it is there. */
export type Digests = ReadonlyMap<string, number>;

/** Reads a whole mailbox on a connection of its own, with nothing of the product's. */
export async function digestMailbox(endpoint: ImapEndpoint): Promise<Digests> {
  const digests = new Map<string, number>();
  await withImap(endpoint, async (client) => {
    for (const { path, flags } of await client.list()) {
      if (flags.has('\\Noselect') || flags.has('\\NonExistent')) continue;
      const { exists } = await client.mailboxOpen(path, { readOnly: true });
      for await (const { source } of exists > 0 ? client.fetch('1:*', { source: true }) : []) {
        const key = `${path} ${createHash('sha256')
          .update(source ?? '')
          .digest('hex')}`;
        digests.set(key, (digests.get(key) ?? 0) + 1);
      }
    }
  });
  return digests;
}

/** Copies too few and copies too many at the target. */
export function compareDigests(source: Digests, target: Digests): { lost: number; doubled: number } {
  let lost = 0;
  let doubled = 0;
  for (const key of new Set([...source.keys(), ...target.keys()])) {
    const difference = (target.get(key) ?? 0) - (source.get(key) ?? 0);
    lost += Math.max(0, -difference);
    doubled += Math.max(0, difference);
  }
  return { lost, doubled };
}
