import { beforeEach, describe, expect, test } from 'vitest';
import { mailAccounts, mostSessions } from '../../activities/mail-accounts.ts';
import { allowedRoutes, createRouteKeeper, type RouteKeeper } from '../../activities/mailbox-routes.ts';
import { MemoryMailSystem } from '../../adapters/memory/mail.ts';
import { createMemoryMigrations } from '../../adapters/memory/migrations.ts';
import { createMemoryProber } from '../../adapters/memory/route-probe.ts';
import { MigrationError } from '../../domain/errors.ts';
import type { Plan } from '../../domain/plan.ts';
import type { MailAccount } from '../../domain/ports/mail.ts';
import type { MigrationStore, StoredMailbox } from '../../domain/ports/store.ts';
import type { Route } from '../../domain/routes.ts';
import { hostedPlan, testMailbox } from '../support/plans.ts';

let store: MigrationStore;
let mailbox: StoredMailbox;
let plan: Plan;
let systems: Partial<Record<Route, MemoryMailSystem>>;
let prober: ReturnType<typeof createMemoryProber>;
let keeper: RouteKeeper;
let changes: [string | null, string][];

beforeEach(async () => {
  plan = hostedPlan({ routes: ['imap', 'import-mime'] });
  store = createMemoryMigrations(Date.now);
  await store.createMigration({ id: 'mig_1', plan, mailboxes: [testMailbox('ann')], createdBy: 'op' });
  const [first] = await store.pageMailboxes('mig_1', -1, 1);
  if (first === undefined) throw new Error('no mailbox');
  mailbox = first;
  systems = { imap: new MemoryMailSystem(), 'import-mime': new MemoryMailSystem() };
  prober = createMemoryProber(systems);
  keeper = createRouteKeeper({ store, prober });
  changes = [];
});

function ensure(): Promise<MailAccount> {
  return keeper.ensure({
    plan,
    mailbox,
    target: mailAccounts(plan, mailbox).target,
    mayWrite: () => true,
    signal: new AbortController().signal,
    onChange: (from, to) => changes.push([from, to]),
  });
}

const routeOf = (account: MailAccount) => account.hosted?.routes[0]?.route;

describe('the routes of a mailbox', () => {
  test('are probed before the first copy, and kept for the passes after it', async () => {
    expect(routeOf(await ensure())).toBe('imap');
    expect(prober.opened).toEqual(['imap', 'import-mime']);
    expect(routeOf(await ensure())).toBe('imap');
    expect(prober.opened).toHaveLength(2);
    expect(changes).toEqual([[null, 'imap (bytes)']]);
    expect((await store.getMailboxView(mailbox.id)).routes).toMatchObject({ chosen: 'imap', doubt: null });
  });

  test('are looked at again when one fails, and mail goes by another, which leaves a line', async () => {
    const account = await ensure();
    const failure = new MigrationError('IMAP_OFF', 'IMAP is off for this mailbox.');
    const thrown = await keeper.doubt(account, mailbox.id, failure, 'opening');
    expect(thrown).toMatchObject({ code: 'ROUTE_LOST', cause: failure });
    expect((await store.findRoutes(mailbox.id))?.doubt).toContain('IMAP_OFF');
    delete systems.imap;
    expect(routeOf(await ensure())).toBe('import-mime');
    expect(changes.at(-1)).toEqual(['imap (bytes)', 'import-mime (bytes)']);
  });

  test.each(['QUOTA_EXCEEDED', 'THROTTLED', 'CONNECTION_LOST', 'MAILBOX_MISSING'] as const)(
    'are not put in doubt by %s',
    async (code) => {
      const account = await ensure();
      const error = new MigrationError(code, 'no matter of the route');
      expect(await keeper.doubt(account, mailbox.id, error, 'opening')).toBe(error);
      expect((await store.findRoutes(mailbox.id))?.doubt).toBeNull();
    },
  );

  test('are put in doubt in the middle of a copy by what the source cannot have said, and by nothing else', async () => {
    const account = await ensure();
    const source = new MigrationError('AUTH_FAILED', 'the source refuses the password');
    expect(await keeper.doubt(account, mailbox.id, source, 'under way')).toBe(source);
    const consent = new MigrationError('CONSENT_REVOKED', 'a fresh access token is refused');
    expect(await keeper.doubt(account, mailbox.id, consent, 'under way')).toMatchObject({ code: 'ROUTE_LOST' });
    expect((await store.findRoutes(mailbox.id))?.doubt).toContain('CONSENT_REVOKED');
  });

  test('hold the mailbox when none is usable, with the reason of each', async () => {
    delete systems.imap;
    const broken = new MemoryMailSystem();
    broken.refuse = () => {
      throw new MigrationError('MESSAGE_REFUSED', 'no such call');
    };
    systems['import-mime'] = broken;
    const error = await ensure().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'NO_ROUTE', kind: { reaction: 'pause' } });
    expect((error as MigrationError).message).toContain('imap: ROUTE_UNAVAILABLE: there is no imap');
    expect((error as MigrationError).message).toContain('import-mime: MESSAGE_REFUSED: no such call');
    // A person mends one and retries: nothing else is needed.
    systems.imap = new MemoryMailSystem();
    expect(routeOf(await ensure())).toBe('imap');
  });

  test('that all fail alike hold the mailbox with that failure', async () => {
    delete systems.imap;
    delete systems['import-mime'];
    await expect(ensure()).rejects.toMatchObject({ code: 'ROUTE_UNAVAILABLE' });
  });

  test('are not probed for whoever only reads', async () => {
    const { target } = mailAccounts(plan, mailbox);
    expect((await keeper.find(plan, mailbox, target)).hosted?.routes).toEqual([]);
    await ensure();
    const found = await keeper.find(plan, mailbox, target);
    expect(routeOf(found)).toBe('imap');
    expect(prober.opened).toHaveLength(2);
  });

  test('of a plain IMAP target are none: nothing is probed', async () => {
    plan = { ...plan, target: { kind: 'imap', imap: plan.target.imap } };
    const account = await ensure();
    expect(account.hosted).toBeUndefined();
    expect(prober.opened).toEqual([]);
  });

  test('are those of the plan whose interface it names', () => {
    expect(allowedRoutes(plan)).toEqual(['imap', 'import-mime']);
    expect(allowedRoutes(hostedPlan({}))).toEqual(['imap', 'import-mime', 'graph-json']);
    const ews = {
      url: 'https://mail.example.test/EWS',
      auth: 'basic',
      user: 'svc',
      secret: 'env:X',
      caFile: null,
    } as const;
    expect(allowedRoutes(hostedPlan({ ews }))).toEqual(['ews', 'imap', 'import-mime', 'graph-json']);
  });

  test('over HTTPS serve four sessions, whatever IMAP allows', async () => {
    plan = hostedPlan({ routes: ['import-mime', 'imap'] });
    expect(mostSessions(await ensure())).toBe(4);
    plan = hostedPlan({ routes: ['imap', 'import-mime'] });
    expect(mostSessions(await ensure())).toBe(plan.target.imap.maxConnections);
  });
});
