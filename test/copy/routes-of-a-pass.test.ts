/** The activities of a pass when a way into the mailbox closes between them, or in the middle of one. */
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { beforeEach, describe, expect, test } from 'vitest';
import { createTransferActivities, type TransferActivities, type TransferPorts } from '../../activities/transfer.ts';
import { MemoryLedger } from '../../adapters/memory/ledger.ts';
import { createMemoryMailConnector, MemoryMailSystem } from '../../adapters/memory/mail.ts';
import { createMemoryMigrations } from '../../adapters/memory/migrations.ts';
import { MemoryRedirections } from '../../adapters/memory/redirections.ts';
import { createMemoryProber } from '../../adapters/memory/route-probe.ts';
import { createByteBudget } from '../../domain/byte-budget.ts';
import { MigrationError } from '../../domain/errors.ts';
import type { MigrationStore } from '../../domain/ports/store.ts';
import type { Route } from '../../domain/routes.ts';
import { INITIAL, mailText } from '../support/memory-world.ts';
import { hostedPlan, testMailbox } from '../support/plans.ts';

const logger = new DefaultLogger('ERROR');

let store: MigrationStore;
let activities: TransferActivities;
let mailboxId: string;
let target: MemoryMailSystem;
let systems: Partial<Record<Route, MemoryMailSystem>>;
/** By which routes the target was opened. */
let opened: Route[];

beforeEach(async () => {
  const source = new MemoryMailSystem();
  target = new MemoryMailSystem();
  for (const subject of ['one', 'two']) source.addMessage(['INBOX'], mailText(subject));
  systems = { imap: target, 'import-mime': target };
  opened = [];
  store = createMemoryMigrations(Date.now);
  const plan = hostedPlan({ routes: ['imap', 'import-mime'] });
  await store.createMigration({
    ...{ id: 'mig_1', plan, createdBy: 'op' },
    mailboxes: [testMailbox('ann', { sourceUser: 'old', targetUser: 'ann' })],
  });
  const [mailbox] = await store.pageMailboxes('mig_1', -1, 1);
  if (mailbox === undefined) throw new Error('the migration has no mailbox');
  mailboxId = mailbox.id;
  const ledger = new MemoryLedger();
  ledger.addMailbox(mailboxId);
  const memory = createMemoryMailConnector({ old: source, ann: target });
  const ports: Partial<TransferPorts> = {
    store,
    ledger,
    prober: createMemoryProber(systems),
    connector: {
      openSource: memory.openSource,
      async openTarget(account, signal, options) {
        const route = account.hosted?.routes[0]?.route ?? 'imap';
        opened.push(route);
        if (systems[route] === undefined) throw new MigrationError('IMAP_OFF', 'IMAP is off for this mailbox.');
        return await memory.openTarget(account, signal, options);
      },
    },
    hosts: { findPlace: async () => ({ release: async () => undefined }), isWanted: async () => false },
    redirections: new MemoryRedirections(),
    budget: createByteBudget(),
    holder: 'a test',
  };
  activities = createTransferActivities(ports as TransferPorts); // the others are of preflight and probes
});

function run<T>(what: () => Promise<T>): Promise<T> {
  return new MockActivityEnvironment({}, { logger }).run(what);
}

const input = () => ({ migrationId: 'mig_1', mailboxId, pass: INITIAL });

describe('a way into the mailbox that closes', () => {
  test('before the verification is put in doubt, and the next attempt reads by another', async () => {
    expect(await run(() => activities.copyMailbox(input()))).toMatchObject({ moved: 2, route: 'imap (bytes)' });
    delete systems.imap;
    await expect(run(() => activities.verifyMailbox(input()))).rejects.toMatchObject({ code: 'ROUTE_LOST' });
    expect((await store.findRoutes(mailboxId))?.doubt).toContain('IMAP_OFF');
    expect(await run(() => activities.verifyMailbox(input()))).toEqual({ moved: 2 });
    expect(opened.at(-1)).toBe('import-mime');
    expect((await store.getMailboxView(mailboxId)).status).toBe('copied');
  });

  test('before the copy is put in doubt, and the next attempt writes by another, each message once', async () => {
    await run(() => activities.copyMailbox(input()));
    delete systems.imap;
    await expect(run(() => activities.copyMailbox(input()))).rejects.toMatchObject({ code: 'ROUTE_LOST' });
    expect(await run(() => activities.copyMailbox(input()))).toMatchObject({ moved: 0, route: 'import-mime (bytes)' });
    expect(target.getFolder(['INBOX']).messages).toHaveLength(2);
  });
});
