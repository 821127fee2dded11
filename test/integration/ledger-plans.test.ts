import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Db, openDatabase } from '../../adapters/ledger/database.ts';
import { createPostgresLedger } from '../../adapters/ledger/ledger.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { type HotPath, hotPaths } from '../support/hot-paths.ts';
import { loadFingerprints, loadLedger, switchOffAutovacuum } from '../support/ledger-load.ts';
import { explain, messageScans, pairsRefused, rowsRead, type Statement } from '../support/plan-nodes.ts';

const LOAD = { mailboxes: 120, foldersEach: 2, messagesEach: 300 };
const SIZE = 50;

/**
 * Plans of what is done for every window, page or folder. Statistics matter: a large migration begins without any, and PostgreSQL
 * takes the rows of a window for one, whatever it knows.
 */
describe('hot paths', () => {
  let database: TestDatabase;
  let watched: Db;
  let paths: HotPath[];
  const seen: Statement[] = [];

  beforeAll(async () => {
    database = await testDatabase();
    await switchOffAutovacuum(database.db);
    const [, mailbox] = await loadLedger(database.db, LOAD);
    if (mailbox === undefined) throw new Error('nothing was loaded');
    // One connection, so that what is run to see its statements can be undone by hand.
    watched = openDatabase(database.url, {
      maxConnections: 1,
      onStatement: (text, parameters) => seen.push({ text, parameters }),
    });
    const ledger = createPostgresLedger(watched);
    paths = hotPaths({
      ledger,
      lease: await ledger.takeLease(mailbox.id, 'test'),
      mailbox,
      messagesEach: LOAD.messagesEach,
      size: SIZE,
      fingerprints: await loadFingerprints(database.db, mailbox, [3, 103]),
    });
  });
  afterAll(async () => {
    await watched?.destroy();
    await database?.drop();
  });

  // In this order, since statistics stay.
  test.each(['without', 'with'])(
    'go into an index of one partition and read what they need, %s statistics',
    async (how) => {
      if (how === 'with') await sql`analyze`.execute(database.db);
      const complaints: string[] = [];
      for (const { name, reads, run } of paths) {
        seen.length = 0;
        await sql`begin`.execute(watched);
        await run();
        await sql`rollback`.execute(watched);
        const known = new Map(seen.map((statement) => [statement.text, statement]));
        const statements = [...known.values()].filter(({ text }) => text.includes('messages'));
        let scans = 0;
        for (const statement of statements) {
          const { Plan } = await explain(database.url, statement, true);
          const found = messageScans(Plan);
          if (pairsRefused(Plan) > SIZE)
            complaints.push(`${name}: joins one with all, ${pairsRefused(Plan)} pairs for nothing`);
          scans += found.length;
          for (const node of found) {
            const type = node['Node Type'];
            if (type === 'Seq Scan') complaints.push(`${name}: ${type} on ${node['Relation Name']}`);
            if (rowsRead(node) > reads + 1)
              complaints.push(`${name}: ${type} reads ${rowsRead(node)} rows, not ${reads}`);
          }
          const parts = new Set(found.map((node) => node['Relation Name']));
          if (parts.size > 1) complaints.push(`${name}: looks into ${[...parts].join(', ')}`);
        }
        if (scans === 0 && !name.startsWith('recordCensus,')) complaints.push(`${name}: no statement reads messages`);
      }
      expect(complaints).toEqual([]);
    },
  );
});
