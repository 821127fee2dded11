/** A plan for an Exchange Server that the provider runs: EWS first, IMAP beside it, no administration. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { mailAccounts } from '../../activities/mail-accounts.ts';
import { createRouteKeeper } from '../../activities/mailbox-routes.ts';
import { createTokenPool } from '../../adapters/graph/token-pool.ts';
import { createHostedConnector } from '../../adapters/hosted/connector.ts';
import { ewsOpener, imapOpener } from '../../adapters/hosted/openers.ts';
import { createImapConnector } from '../../adapters/imap/connector.ts';
import { createMemoryMigrations } from '../../adapters/memory/migrations.ts';
import type { Plan } from '../../domain/plan.ts';
import type { MailTarget } from '../../domain/ports/mail.ts';
import { createAuthority } from '../../lab/authority.ts';
import { type ExchangeImap, startExchangeImap } from '../../lab/exchange/imap/server.ts';
import { type HostedTenant, startHostedTenant } from '../../lab/exchange/tenant.ts';
import { CopyFromMemory } from '../support/copy-from-memory.ts';
import { DELTA, INITIAL, mailText } from '../support/memory-world.ts';
import { testMailbox, testPlan } from '../support/plans.ts';

const ANN = 'ann@harbour.test';
const SERVICE = 'migration@harbour.test';
const secrets = { resolve: async (ref: string) => (ref === 'env:SERVICE' ? 'service secret' : 'her own') };

let folder: string;
let tenant: HostedTenant;
let imap: ExchangeImap;
let plan: Plan;
let world: ServerWorld;

class ServerWorld extends CopyFromMemory {
  readonly changes: string[] = [];
  readonly #store = createMemoryMigrations(Date.now);
  readonly #prober = openRoutes();
  #isPlanned = false;

  async open(): Promise<MailTarget> {
    if (!this.#isPlanned)
      await this.#store.createMigration({ id: 'mig_1', plan, mailboxes: [theMailbox], createdBy: 'op' });
    this.#isPlanned = true;
    const [mailbox] = await this.#store.pageMailboxes('mig_1', -1, 1);
    if (mailbox === undefined) throw new Error('the migration has no mailbox');
    const { signal } = new AbortController();
    const account = await createRouteKeeper({ store: this.#store, prober: this.#prober }).ensure({
      ...{ plan, mailbox, target: mailAccounts(plan, mailbox).target, mayWrite: () => true, signal },
      onChange: (_from, to) => this.changes.push(to),
    });
    return await this.#prober.openTarget(account, signal);
  }

  /** As an attempt that failed by its route leaves it. */
  async doubt(): Promise<void> {
    const [mailbox] = await this.#store.pageMailboxes('mig_1', -1, 1);
    const routes = mailbox && (await this.#store.findRoutes(mailbox.id));
    if (mailbox && routes) await this.#store.recordRoutes(mailbox.id, { ...routes, doubt: 'EWS_OFF' });
  }
}

const theMailbox = testMailbox('ann', { address: ANN, targetUser: ANN, targetSecret: 'env:ANN' });

function openRoutes() {
  const tokens = createTokenPool({ secrets });
  const connector = createImapConnector(secrets);
  return createHostedConnector(connector, {
    imap: imapOpener(connector, secrets, {}),
    ews: ewsOpener({ secrets, visibleAfterMs: 0 }, tokens),
  });
}

beforeEach(async () => {
  const authority = await createAuthority();
  folder = mkdtempSync(join(tmpdir(), 'mailferry-server-'));
  const caFile = join(folder, 'ca.pem');
  writeFileSync(caFile, authority.caPem);
  tenant = await startHostedTenant({ authority, domains: ['harbour.test'], readyAfterMs: 0 });
  imap = await startExchangeImap(tenant, { edition: 'server' });
  tenant.addMailbox(ANN, 'her own');
  tenant.ews.serviceAccounts.set(SERVICE, { password: 'service secret', mayImpersonate: true });
  const server = { host: '127.0.0.1', port: imap.port, security: 'tls', allowInsecure: false, caFile } as const;
  const ews = {
    url: `${tenant.baseUrl}EWS/Exchange.asmx`,
    auth: 'basic',
    user: SERVICE,
    secret: 'env:SERVICE',
  } as const;
  plan = testPlan({
    target: {
      kind: 'exchange-server',
      imap: { ...server, maxConnections: 4, auth: 'password' },
      ews: { ...ews, caFile },
      routes: ['ews', 'imap'],
    },
  });
  world = new ServerWorld();
});
afterEach(async () => {
  await imap.close();
  await tenant.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('an Exchange Server', () => {
  test('gets mail by EWS, and by IMAP from the day on that EWS is off, each message once', async () => {
    for (const subject of ['one', 'two']) world.source.addMessage(['INBOX'], mailText(subject), ['\\Seen']);
    expect(await world.copy({}, INITIAL)).toMatchObject({ moved: 2 });
    expect(tenant.calls.filter((name) => name === 'CreateItem').length).toBeGreaterThanOrEqual(2);
    expect(imap.commandCounts.get('UID FETCH') ?? 0).toBeGreaterThan(0); // the probe looked there as well
    tenant.ews.off = 'forbidden';
    await world.doubt();
    world.source.addMessage(['INBOX'], mailText('three'));
    const before = imap.commandCounts.get('APPEND') ?? 0;
    expect(await world.copy({}, DELTA)).toMatchObject({ moved: 1 });
    expect(imap.commandCounts.get('APPEND') ?? 0).toBeGreaterThan(before);
    expect(world.changes.map((each) => each.split(' ')[0])).toEqual(['ews', 'imap']);
    expect(tenant.store.findAccount(ANN)?.inbox.messages).toHaveLength(3);
    expect(await world.verify({ kind: 'delta', number: 3 })).toMatchObject({ faults: 0 });
    expect(tenant.outgoing.list).toEqual([]);
  });
});
