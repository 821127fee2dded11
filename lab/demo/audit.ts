import { withImap } from '../imap-client.ts';
import { compareMailboxes, readMailbox } from '../mail/oracle.ts';
import type { JournalEntry } from '../smtp/sender.ts';
import type { Employee } from './people.ts';
import type { DemoReport, OracleCounts } from './report.ts';
import type { World } from './world.ts';

/** Reads both servers again, independently of the copier, and compares them as multisets, folder by folder. */
export async function compareWithOracle(world: World, people: readonly Employee[]): Promise<Map<string, OracleCounts>> {
  const counts = new Map<string, OracleCounts>();
  for (const { address } of people) {
    const [source, target] = await Promise.all([
      readMailbox(world.sourceAccount(address)),
      readMailbox(world.targetAccount(address)),
    ]);
    const { lost, doubled, misfiled } = compareMailboxes(source, target);
    const sum = (found: readonly { count: number }[]) => found.reduce((total, { count }) => total + count, 0);
    counts.set(address, { lost: sum(lost), doubled: sum(doubled), misfiled: sum(misfiled) });
  }
  return counts;
}

/** Where the mail that was sent during the move ended up: each exactly once in each mailbox that it was for. */
export async function auditSentMail(
  world: World,
  people: readonly Employee[],
  journal: readonly JournalEntry[],
): Promise<DemoReport['sentDuringMove']> {
  const found = new Map<string, number>();
  for (const { address } of people) {
    for (const token of await tokensIn(world, address))
      found.set(`${address} ${token}`, (found.get(`${address} ${token}`) ?? 0) + 1);
  }
  let exactlyOnce = 0;
  let missing = 0;
  let more = 0;
  for (const { token, to } of journal) {
    const copies = world.mailboxesOf(to).map((address) => found.get(`${address} ${token}`) ?? 0);
    if (copies.every((count) => count === 1)) exactlyOnce += 1;
    if (copies.some((count) => count === 0)) missing += 1;
    if (copies.some((count) => count > 1)) more += 1;
  }
  const byNewMx = journal.filter(({ via }) => via === world.names.newMx).length;
  return { sent: journal.length, byOldMx: journal.length - byNewMx, byNewMx, exactlyOnce, missing, more };
}

async function tokensIn(world: World, address: string): Promise<string[]> {
  return await withImap(world.targetAccount(address), async (client) => {
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
