import { type ImapEndpoint, withImap } from '../imap-client.ts';
import { contentDigestOf, isCopyOf } from '../mail/content-digest.ts';
import { digestOf } from '../mail/digest.ts';
import { compareMailboxes, type Difference, readMailbox } from '../mail/oracle.ts';
import type { SentMail } from './outside-sender.ts';
import type { Employee } from './people.ts';
import { type DemoReport, type OracleCounts, ROUTES, type Route } from './report.ts';
import type { World } from './world.ts';

/**
 * Reads both servers again, independently of the copier, and compares them as multisets, folder by folder: by what each message says, and
 * by its very bytes, which a repair or a route that takes messages apart changes.
 */
export async function compareWithOracle(world: World, people: readonly Employee[]): Promise<Map<string, OracleCounts>> {
  const counts = new Map<string, OracleCounts>();
  const sum = (found: readonly { count: number }[]) => found.reduce((total, { count }) => total + count, 0);
  for (const { address } of people) {
    const compare = async (digest: (raw: Buffer) => string | Promise<string>) => {
      const [source, target] = await Promise.all([
        readMailbox(world.sourceAccount(address), digest),
        readMailbox(world.targetAccount(address), digest),
      ]);
      return compareMailboxes(source, target);
    };
    const { lost: absent, doubled, misfiled, unexpected } = await compare(contentDigestOf);
    const lost = withoutThoseThatGained(absent, unexpected);
    const rewritten = sum((await compare(digestOf)).lost) - sum(lost);
    counts.set(address, { lost: sum(lost), doubled: sum(doubled), misfiled: sum(misfiled), rewritten });
  }
  return counts;
}

/** Takes out what is there in the same folder with a sender, a date or a Message-ID that it did not have. */
function withoutThoseThatGained(lost: readonly Difference[], unexpected: readonly Difference[]): Difference[] {
  const left = unexpected.map((each) => ({ ...each }));
  return lost.flatMap((each) => {
    let { count } = each;
    for (const found of left) {
      if (found.folder !== each.folder || !isCopyOf(found.digest, each.digest)) continue;
      const taken = Math.min(count, found.count);
      count -= taken;
      found.count -= taken;
    }
    return count > 0 ? [{ ...each, count }] : [];
  });
}

/** Where the mail that was sent during the move ended up: each exactly once in each mailbox that it was for. */
export async function auditSentMail(
  world: World,
  people: readonly Employee[],
  journal: readonly SentMail[],
): Promise<DemoReport['sentDuringMove']> {
  const copies = new Map<string, number>();
  const wentByTheOldServer = new Set<string>();
  for (const { address } of people) {
    for (const token of await tokensIn(world.targetAccount(address)))
      copies.set(`${address} ${token}`, (copies.get(`${address} ${token}`) ?? 0) + 1);
    for (const token of await tokensIn(world.sourceAccount(address))) wentByTheOldServer.add(token);
  }
  const arrivalsOf = (mails: readonly SentMail[]) => {
    const counts = mails.map(({ token, to }) =>
      world.mailboxesOf(to).map((address) => copies.get(`${address} ${token}`) ?? 0),
    );
    return {
      sent: mails.length,
      exactlyOnce: counts.filter((each) => each.length > 0 && each.every((count) => count === 1)).length,
      missing: counts.filter((each) => each.length === 0 || each.some((count) => count === 0)).length,
      more: counts.filter((each) => each.some((count) => count > 1)).length,
    };
  };
  const routeOf = ({ byHeart, via, token }: SentMail): Route => {
    if (byHeart) return 'old-mx-by-heart';
    if (via !== world.names.newMx) return 'old-mx';
    return wentByTheOldServer.has(token) ? 'new-mx-redirected' : 'new-mx-direct';
  };
  const routes = ROUTES.map((route) => ({ route, ...arrivalsOf(journal.filter((mail) => routeOf(mail) === route)) }));
  return { ...arrivalsOf(journal), routes };
}

async function tokensIn(account: ImapEndpoint): Promise<string[]> {
  return await withImap(account, async (client) => {
    const tokens: string[] = [];
    for (const listed of await client.list()) {
      if (listed.flags.has('\\Noselect')) continue;
      await client.mailboxOpen(listed.path, { readOnly: true });
      for await (const message of client.fetch('1:*', { headers: ['x-lab-token'] })) {
        const token = /^x-lab-token:\s*(\S+)/im.exec(message.headers?.toString() ?? '')?.[1];
        if (token) tokens.push(token);
      }
    }
    return tokens;
  });
}
