/**
 * Plans and times of the ledger's hot paths at a size, as docs/ledger.md shows them, and what a row takes.
 * Run: `node bench/ledger-plans.ts [mailboxes] [folders each] [messages each]`; 25, 2 and 100,000 are 5 million rows.
 */
import { sql } from 'kysely';
import { type Db, openDatabase } from '../adapters/ledger/database.ts';
import { createPostgresLedger } from '../adapters/ledger/ledger.ts';
import { testDatabase } from '../test/support/database.ts';
import { hotPaths } from '../test/support/hot-paths.ts';
import { loadFingerprints, loadLedger, switchOffAutovacuum } from '../test/support/ledger-load.ts';
import {
  type Explained,
  explain,
  indexNames,
  messageScans,
  rowsRead,
  type Statement,
} from '../test/support/plan-nodes.ts';

const [mailboxes = 25, foldersEach = 2, messagesEach = 100_000] = process.argv.slice(2).map(Number);

const database = await testDatabase();
try {
  const unhurried = openDatabase(database.url, { statementTimeoutMs: 3_600_000, maxConnections: 1 });
  await switchOffAutovacuum(database.db);
  const began = performance.now();
  const loaded = await loadLedger(unhurried, { mailboxes, foldersEach, messagesEach });
  console.log(`${mailboxes * foldersEach * messagesEach} rows loaded in ${seconds(began)}`);
  for (const size of [50, 500, 2_000]) await showPlans(loaded[3] ?? fail(), size, 'without statistics');
  const analyzed = performance.now();
  await sql`vacuum analyze messages`.execute(unhurried);
  console.log(`vacuum analyze: ${seconds(analyzed)}`);
  for (const size of [50, 500, 2_000]) await showPlans(loaded[4] ?? fail(), size, 'with statistics');
  await showSizes(unhurried);
  await unhurried.destroy();
} finally {
  await database.drop();
}

async function showPlans(mailbox: Awaited<ReturnType<typeof loadLedger>>[number], size: number, how: string) {
  const seen: Statement[] = [];
  // One connection, so that what is run to see its statements can be undone by hand.
  const db = openDatabase(database.url, {
    maxConnections: 1,
    onStatement: (text, parameters) => seen.push({ text, parameters }),
  });
  const ledger = createPostgresLedger(db);
  const lease = await ledger.takeLease(mailbox.id, 'bench');
  const gone = Array.from({ length: Math.min(size, messagesEach / 100) }, (_, n) => n * 100 + 3);
  const fingerprints = await loadFingerprints(db, mailbox, gone);
  console.log(
    `\n| ${how}, window of ${size} | reads | buffers | plan ms | run ms | index |\n|---|---|---|---|---|---|`,
  );
  for (const { name, run } of hotPaths({ ledger, lease, mailbox, messagesEach, size, fingerprints })) {
    seen.length = 0;
    const statement = await slowest(db, run, seen);
    if (statement === null) continue;
    const { Plan: plan } = statement;
    const buffers = (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0);
    const reads = messageScans(plan).reduce((sum, node) => sum + rowsRead(node), 0);
    const indexes = indexNames(plan).filter((index) => index.startsWith('messages'));
    const scans = messageScans(plan).some((node) => node['Node Type'] === 'Seq Scan') ? ['**Seq Scan**'] : [];
    const cells = [name, reads, buffers, statement['Planning Time'], statement['Execution Time']];
    console.log(`| ${[...cells, [...indexes, ...scans].join(', ') || 'primary key by upsert'].join(' | ')} |`);
  }
  await db.destroy();
}

/** Undone, since the second time it would find nothing to do. */
async function slowest(db: Db, run: () => Promise<unknown>, seen: Statement[]): Promise<Explained | null> {
  await sql`begin`.execute(db);
  await run();
  await sql`rollback`.execute(db);
  const distinct = [...new Map(seen.map((statement) => [statement.text, statement])).values()];
  let worst: Explained | null = null;
  for (const statement of distinct.filter(({ text }) => text.includes('messages'))) {
    const explained = await explain(database.url, statement, true);
    if (worst === null || explained['Execution Time'] > worst['Execution Time']) worst = explained;
  }
  return worst;
}

async function showSizes(db: Db): Promise<void> {
  const { rows } = await sql<{ name: string; bytes: number; rows: number }>`
    select regexp_replace(relname, '_?\\d\\d(_|$)', '_') as name, sum(pg_relation_size(pg_class.oid))::bigint as bytes,
      sum(reltuples)::bigint as rows
    from pg_class where relname ~ '^messages_\\d\\d' and relkind in ('r', 'i')
    group by 1 order by 2 desc`.execute(db);
  console.log('\n| relation | MiB | rows | bytes a row of the table |\n|---|---|---|---|');
  const total = mailboxes * foldersEach * messagesEach;
  for (const { name, bytes, rows: count } of rows) {
    console.log(`| ${name} | ${Math.round(bytes / 2 ** 20)} | ${count} | ${(bytes / total).toFixed(1)} |`);
  }
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

function fail(): never {
  throw new Error('too few mailboxes');
}
