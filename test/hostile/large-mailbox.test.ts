/**
 * Mailboxes that other tools need all memory for, generated as they are read, by real processes. `LARGE=1` gives the messages the sizes
 * of an office's mailbox: 50 GB.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { jsonb } from '../../adapters/ledger/encoding.ts';
import { createMigrationStore } from '../../adapters/ledger/migration-store.ts';
import type { LargePass } from '../support/copy-large.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { PASSWORD } from '../support/imap-accounts.ts';
import { testMailbox, testPlan } from '../support/plans.ts';

const WHOLE = process.env['LARGE'] === '1';
const SCALE = WHOLE ? 1 : 0.002; // most messages have 1,000 bytes then
const MESSAGES = 100_000;
/** A folder costs as much as many messages; all 5,000 of them take a minute more. */
const FOLDERS = WHOLE ? 5_000 : 500;
const MIB = 1 << 20;
/** Bytes in flight are bounded by the budget of the process, and are most of it where messages are large. */
const LIVE_MIB = WHOLE ? 224 : 100;

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(async () => {
  await database?.drop();
});

async function startSource(
  args: readonly string[],
): Promise<{ child: ChildProcess; port: number; user: string; bytes: number }> {
  const child = spawn(process.execPath, ['lab/large-source.ts', ...args, '--pass', PASSWORD], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const { port, user, bytes } = JSON.parse(String(await once(child.stdout, 'data')));
  return { child, port, user, bytes };
}

async function copy(port: number, user: string, passes: number): Promise<readonly LargePass[]> {
  const args = ['test/support/copy-large.ts', database.url, String(port), user, String(passes)];
  const child = spawn(process.execPath, ['--expose-gc', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: LargePass[] = [];
  for await (const line of createInterface(child.stdout)) lines.push(JSON.parse(line));
  if (child.exitCode === null) await once(child, 'exit');
  expect(child.exitCode).toBe(0);
  return lines;
}

describe('a mailbox that is generated as it is read', () => {
  test(
    `T15, T48, T49: ${MESSAGES} messages beside ${FOLDERS} folders go through with memory that stays as it is`,
    async () => {
      await createMigrationStore(database.db).createMigration({
        id: 'mig_large',
        plan: testPlan(),
        mailboxes: [],
        createdBy: 'test',
      });
      const planned = testMailbox('large');
      const mailbox = {
        id: 'mbx-large',
        migration_id: 'mig_large',
        position: 1,
        address: planned.address,
        planned: jsonb(planned),
      };
      await database.db.insertInto('mailboxes').values(mailbox).execute();
      const { child, port, user, bytes } = await startSource([
        '--count',
        String(MESSAGES),
        '--scale',
        String(SCALE),
        '--folders',
        String(FOLDERS),
      ]);
      const [first, second] = await copy(port, user, 2);
      child.stdin?.end();
      console.log(JSON.stringify({ first, second }));
      expect(first).toMatchObject({ moved: MESSAGES + FOLDERS, folders: FOLDERS + 1 });
      expect(first?.bytes).toBeGreaterThanOrEqual(bytes);
      expect(second).toMatchObject({ moved: 0, unchanged: FOLDERS + 1 });
      // Seen: 37 to 47 MB, of which 19 MB are heap, from the first tenth to the last; RSS 310 to 328 MB.
      const live = first?.liveBytes ?? [];
      expect(live.length).toBeGreaterThanOrEqual(9);
      expect(Math.max(...live)).toBeLessThan(LIVE_MIB * MIB);
      expect(Math.max(...live.slice(5)) - Math.max(...live.slice(0, 5))).toBeLessThan((LIVE_MIB * MIB) / 3);
      expect(Math.max(...(first?.peakBytes ?? []))).toBeLessThan(512 * MIB);
      // The look that tells that nothing has changed.
      expect(second?.seconds).toBeLessThan(30);
    },
    WHOLE ? 1_800_000 : 300_000,
  );
});
