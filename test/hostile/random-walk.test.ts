/** Thirty changes by a mailbox's owner and passes between them, from one real server to another (WALK_SEED replays a run). */
import { describe, expect, test, vi } from 'vitest';
import type { Pass } from '../../domain/passes.ts';
import type { MailAccount } from '../../domain/ports/mail.ts';
import { readMailbox } from '../../lab/mail/oracle.ts';
import { SeededRandom } from '../../lab/mail/random.ts';
import { PASSWORD } from '../support/imap-accounts.ts';
import { ImapCopy } from '../support/imap-copy.ts';
import { mailText } from '../support/memory-world.ts';
import { asOwner, startRealServer } from '../support/real-servers.ts';

// Many connections and, for Cyrus, many writes to the disk: a third of it on a machine with nothing else to do.
vi.setConfig({ testTimeout: 120_000 });

const CHANGES = 30;
const FLAGS = ['\\Seen', '\\Flagged', '\\Answered', '$Label1'] as const;

describe.each([
  ['Dovecot', 'Cyrus'],
  ['Cyrus', 'Dovecot'],
] as const)('from %s to %s', (from, to) => {
  test('after any changes and passes every message is there, and none more often than it ever was', async () => {
    const seed = process.env['WALK_SEED'] ?? String(Date.now());
    const steps: string[] = [];
    const source = await startRealServer(from);
    const target = await startRealServer(to);
    try {
      await walk(source.newAccount(), target.newAccount(), new SeededRandom(`${seed} ${from}`), steps);
      console.log(`WALK_SEED=${seed}: ${from} to ${to}, ${steps.length} steps.`);
    } catch (error) {
      throw new Error(`WALK_SEED=${seed}, ${from} to ${to}:\n${steps.join('\n')}`, { cause: error });
    } finally {
      await source.stop();
      await target.stop();
    }
  });
});

async function walk(first: MailAccount, second: MailAccount, random: SeededRandom, steps: string[]): Promise<void> {
  const copy = new ImapCopy(first, second);
  const most = new Map<string, number>();
  const folders = ['INBOX', 'Work', 'Archive'];
  let passes = 0;
  await asOwner(first, async (client) => {
    for (const folder of folders.slice(1)) await client.mailboxCreate(folder);
  });
  for (let left = CHANGES; left > 0; left -= 1) {
    const step = await change(first, folders, random);
    steps.push(step);
    if (random.between(0, 4) > 0 && left > 1) continue;
    // What came and went between two passes is never seen.
    for (const [digest, count] of await countsOf(first)) most.set(digest, Math.max(count, most.get(digest) ?? 0));
    passes += 1;
    const pass: Pass = { kind: passes === 1 ? 'initial' : 'delta', number: passes };
    steps.push(`pass ${passes}`);
    await copy.run(pass);
    expect(await copy.verify(pass)).toMatchObject({ faults: 0 });
  }
  const last: Pass = { kind: 'final', number: passes + 1 };
  steps.push('last pass');
  await copy.run(last);
  const there = await countsOf(second);
  for (const [digest, count] of await countsOf(first)) expect(there.get(digest) ?? 0).toBeGreaterThanOrEqual(count);
  for (const [digest, count] of there) expect(count).toBeLessThanOrEqual(most.get(digest) ?? 0);
  expect(await copy.verify(last)).toMatchObject({ faults: 0 });
  expect(await copy.ledger.listMismatches(copy.mailboxId)).toEqual([]);
  expect(await copy.run({ kind: 'final', number: passes + 2 })).toMatchObject({ moved: 0, reflagged: 0, bytes: 0 });
}

/** One thing that an owner does. @returns what it was */
async function change(account: MailAccount, folders: string[], random: SeededRandom): Promise<string> {
  const at = random.between(0, folders.length);
  const folder = folders[at] ?? 'INBOX';
  const other = folders[random.between(0, folders.length)] ?? 'INBOX';
  const kind = random.pick([
    'add',
    'add',
    'add',
    'add',
    'remove',
    'move',
    'move',
    'flag',
    'flag',
    'rename',
    'make anew',
  ]);
  const text = `subject ${random.between(0, 6)}`;
  const flags = FLAGS.filter(() => random.next() < 0.4);
  const place = random.next();
  return await asOwner(account, async (client) => {
    if (kind === 'add') {
      await client.append(folder, Buffer.from(mailText(text)), flags);
      return `add "${text}" to ${folder}`;
    }
    if (kind === 'rename' && folder !== 'INBOX') {
      const name = `${folder}x`;
      await client.mailboxRename(folder, name);
      folders[at] = name;
      return `rename ${folder} to ${name}`;
    }
    const { exists } = await client.mailboxOpen(folder);
    if (kind === 'make anew' && folder !== 'INBOX') {
      const rows = exists === 0 ? [] : await client.fetchAll('1:*', { source: true, flags: true, internalDate: true });
      await client.mailboxClose();
      // Cyrus keeps what is deleted under a name with the second in it, so twice in one second is refused ("Mailbox already exists").
      const isDeleted = () =>
        client.mailboxDelete(folder).then(
          () => true,
          () => false,
        );
      await expect.poll(isDeleted).toBe(true);
      await client.mailboxCreate(folder);
      for (const { source, flags: kept, internalDate } of rows) {
        const lasting = [...(kept ?? [])].filter((flag) => flag !== '\\Recent');
        await client.append(folder, source ?? '', lasting, internalDate);
      }
      return `make ${folder} anew with its ${rows.length} messages`;
    }
    if (exists === 0) return `nothing in ${folder}`;
    const sequence = String(1 + Math.floor(place * exists));
    if (kind === 'remove') await client.messageDelete(sequence);
    else if (kind === 'move' && other !== folder) await client.messageMove(sequence, other);
    else await client.messageFlagsSet(sequence, [...flags]);
    return `${kind} ${sequence} of ${folder} (${other}, ${flags.join(' ')})`;
  });
}

/** Digest → how often, all folders together, by a reader that shares no code with the copy. */
async function countsOf({ endpoint, user }: MailAccount): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  const { folders } = await readMailbox({ host: endpoint.host, port: endpoint.port, user, pass: PASSWORD });
  for (const folder of folders) {
    for (const [digest, count] of folder.counts) counts.set(digest, (counts.get(digest) ?? 0) + count);
  }
  return counts;
}
