import { sql } from 'kysely';
import { createMigrationStore } from '../../adapters/ledger/migration-store.ts';
import type { Pass } from '../../domain/passes.ts';
import type { Plan } from '../../domain/plan.ts';
import type { Dovecot } from '../../lab/dovecot.ts';
import type { ImapEndpoint } from '../../lab/imap-client.ts';
import { CopyWorker, type WorkerAnswer, type WorkerSetup } from './copy-worker.ts';
import { type TestDatabase, testDatabase } from './database.ts';
import { PASSWORD, plainAccount } from './imap-accounts.ts';
import { testMailbox, testPlan } from './plans.ts';

/** One mailbox of a migration on the stage. */
export interface StagedMailbox {
  readonly migrationId: string;
  readonly mailboxId: string;
  readonly user: string;
}

export interface Ports {
  readonly source: number;
  readonly target: number;
  /** Of all workers together at the source, and of one copy at the target. */
  readonly maxConnections?: number;
}

/** A ledger with migrations in it, and worker processes that copy for them. */
export class CopyStage {
  readonly database: TestDatabase;
  readonly #workers = new Set<CopyWorker>();
  #migrations = 0;

  private constructor(database: TestDatabase) {
    this.database = database;
  }

  static async open(): Promise<CopyStage> {
    return new CopyStage(await testDatabase());
  }

  /** On a database of the test's own, which ends with the stage. */
  static on(database: TestDatabase): CopyStage {
    return new CopyStage(database);
  }

  /** A migration of these users, in the order given. */
  async addMailboxes(users: readonly string[], ports: Ports): Promise<readonly StagedMailbox[]> {
    const store = createMigrationStore(this.database.db);
    this.#migrations += 1;
    const id = `mig-${this.#migrations}`;
    const plan = planOf(ports);
    const mailboxes = users.map((user) => testMailbox(user, { sourceUser: user, targetUser: user }));
    await store.createMigration({ id, plan, mailboxes, createdBy: 'a test' });
    const page = await store.pageMailboxes(id, -1, users.length);
    return page.map(({ id: mailboxId, planned }): StagedMailbox => {
      return { migrationId: id, mailboxId, user: planned.sourceUser };
    });
  }

  async addMailbox(user: string, ports: Ports): Promise<StagedMailbox> {
    const [mailbox] = await this.addMailboxes([user], ports);
    if (mailbox === undefined) throw new Error('the migration has no mailbox');
    return mailbox;
  }

  /** Whoever begins from now on goes by other lines. */
  async reroute({ migrationId }: StagedMailbox, ports: Ports): Promise<void> {
    await createMigrationStore(this.database.db).recordPlan(migrationId, planOf(ports));
  }

  startWorker(setup: Partial<WorkerSetup> = {}): CopyWorker {
    const worker = CopyWorker.start({ databaseUrl: this.database.url, timeouts: null, ...setup });
    this.#workers.add(worker);
    return worker;
  }

  /**
   * After a holder was killed and all that it had sent has been dealt with: nobody has to wait out its lease, nor its places at
   * hosts. Only for speed; that both come back by themselves is tested elsewhere.
   */
  async forgetTheDead(): Promise<void> {
    const { db } = this.database;
    await sql`update leases set renewed_at = 'epoch', settles_at = 'epoch'`.execute(db);
    await sql`update host_places set expires_at = 'epoch'`.execute(db);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#workers].map((worker) => worker.end()));
    await this.database.drop();
  }
}

function planOf({ source, target, maxConnections = 4 }: Ports): Plan {
  const endpoint = (port: number) => ({ ...plainAccount(port, '').endpoint, maxConnections });
  return testPlan({ source: endpoint(source), target: { kind: 'imap', imap: endpoint(target) } });
}

export function endpointOf({ port }: Pick<Dovecot, 'port'>, user: string): ImapEndpoint {
  return { host: '127.0.0.1', port, user, pass: PASSWORD };
}

/** Copies and reads again, as a pass does. @throws where one of them fails */
export async function runPass(
  worker: CopyWorker,
  { migrationId, mailboxId }: StagedMailbox,
  pass: Pass,
): Promise<WorkerAnswer> {
  const answer = await worker.run({ kind: 'copy', migrationId, mailboxId, pass });
  if (answer.code !== null) throw new Error(`the ${pass.kind} pass failed: ${answer.code} ${answer.message}`);
  const verified = await worker.run({ kind: 'verify', migrationId, mailboxId, pass });
  if (verified.code !== null)
    throw new Error(`the ${pass.kind} pass is not sound: ${verified.code} ${verified.message}`);
  return answer;
}
