/** Steps A6 and C2 as their activities do them: tenant, both SMTP entrances and both IMAP servers are the lab's, over real lines. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createProbeActivities } from '../../activities/probes.ts';
import { createRedirectionActivities } from '../../activities/redirection.ts';
import { createExchangeAdminConnector } from '../../adapters/exchange-admin/connector.ts';
import { createMemoryMigrations } from '../../adapters/memory/migrations.ts';
import { MemoryRedirections } from '../../adapters/memory/redirections.ts';
import { createEntrances } from '../../adapters/notify/entrances.ts';
import { createProbeSender } from '../../adapters/notify/probe-sender.ts';
import type { MxRecord, Plan, PlannedDns, RedirectTarget } from '../../domain/plan.ts';
import type { MigrationStore } from '../../domain/ports/store.ts';
import { createAuthority } from '../../lab/authority.ts';
import { type ImapLabServer, startImapServer } from '../../lab/imap/server.ts';
import { type SmtpEntrance, startSmtpEntrance } from '../../lab/smtp/entrance.ts';
import { imapConnector, neverAborted, PASSWORD, plainAccount } from '../support/imap-accounts.ts';
import { DOMAIN, type MailFlowWorld, ROUTING, startMailFlowWorld } from '../support/mail-flow-world.ts';
import { hostedPlan, testMailbox } from '../support/plans.ts';

const ANNA = `anna@${DOMAIN}`;
const ID = 'mig_1';
const logger = new DefaultLogger('ERROR');
const folder = await mkdtemp(join(tmpdir(), 'mailferry-redirection-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

let world: MailFlowWorld;
let imap: { readonly source: ImapLabServer; readonly target: ImapLabServer };
let store: MigrationStore;
let mx: readonly MxRecord[];
let redirections: MemoryRedirections;

beforeEach(async () => {
  world = await startMailFlowWorld([ANNA]);
  world.addMailbox(ANNA);
  for (const side of [world.old.store, world.tenant.store]) side.addAccount(ANNA, PASSWORD);
  imap = {
    source: await startImapServer({ store: world.old.store }),
    target: await startImapServer({ store: world.tenant.store }),
  };
  await writeFile(join(folder, 'ca.pem'), world.caPem);
  store = createMemoryMigrations(Date.now);
  redirections = new MemoryRedirections();
  mx = [];
});
afterEach(async () => {
  await Promise.all([imap.source.close(), imap.target.close()]);
  await world.close();
});

/** The MX that is planned is the tenant's. */
const dns: PlannedDns = {
  path: 'direct',
  mx: [{ exchange: 'mx.hosted.test', preference: 0 }],
  filterMx: [],
  autodiscover: 'autodiscover.hosted.test',
  spfMechanism: 'include:spf.hosted.test',
  resolver: null,
  port: 53,
};

/** The activities on the lab, for a plan that redirects so. */
async function begin(redirectTo: Partial<RedirectTarget> = {}, change: Partial<Plan> = {}) {
  const { baseUrl, tokenUrl, tenantId, clientId } = world.tenant;
  const caFile = join(folder, 'ca.pem');
  const access = { baseUrl, tokenUrl, tenantId, clientId, clientSecret: 'env:SECRET', caFile };
  const { host, port } = world.old;
  const plan = hostedPlan({
    ...{ graph: access, exchangeAdmin: access },
    imap: plainAccount(imap.target.port, ANNA).endpoint,
    smtp: { host: world.entrance.host, port: world.entrance.port },
    redirectTo: { host, port, ...redirectTo },
  });
  const mailboxes = [testMailbox('anna', { sourceUser: ANNA, targetUser: ANNA })];
  const source = plainAccount(imap.source.port, ANNA).endpoint;
  await store.createMigration({ id: ID, plan: { ...plan, source, ...change }, mailboxes, createdBy: 'op' });
  const ports = {
    ...{ store, redirections, probeFrom: 'probe@outside.test', connector: imapConnector },
    admin: createExchangeAdminConnector({ secrets: { resolve: async () => 'lab-secret' }, timeoutMs: 5_000 }),
    entrances: createEntrances({ timeoutMs: 5_000 }),
    probeSender: createProbeSender(),
    prober: { openProbe: () => Promise.reject(new Error('the only route is IMAP')) },
    dns: { findMx: async () => mx, askAuthoritatives: async () => [] },
  };
  const activities = { ...createRedirectionActivities(ports), ...createProbeActivities(ports) };
  const run = <T>(activity: () => Promise<T>): Promise<T> =>
    new MockActivityEnvironment({}, { logger }).run(activity) as Promise<T>;
  const probe = async (input: Parameters<typeof activities.sendProbe>[0]) => {
    const sent = await run(() => activities.sendProbe(input));
    await world.entrance.transport.idle();
    return sent;
  };
  return {
    set: (on: boolean) => run(() => activities.setRedirection({ migrationId: ID, on })),
    rollBack: () => run(() => activities.rollBackRedirection({ migrationId: ID })),
    /** Sends one to the tenant and proves where it is. */
    async prove(step: 'A6' | 'C2', arrivesAt: 'source' | 'target', notAt: 'source' | null, alsoAt?: 'target') {
      const sent = await probe({ migrationId: ID, step });
      const where = { arrivesAt, notAt, ...(alsoAt && { alsoAt }) };
      return await run(() => activities.proveProbe({ migrationId: ID, step, ...sent, ...where }));
    },
    /** Hands one to the old server and proves that it stays there. */
    async proveNoLoop() {
      const sent = await probe({ migrationId: ID, step: 'A6', via: 'old-server' });
      const where = { arrivesAt: 'source', notAt: 'target', looksForLoop: true } as const;
      return await run(() => activities.proveProbe({ migrationId: ID, step: 'A6', ...sent, ...where }));
    },
    evidence: async (step: 'A6' | 'C2') => (await store.findEvidence(ID, step))?.body,
  };
}

const isUntouched = () => {
  const { state } = world.tenant;
  return state.rules.size + state.connectors.size + state.forwardings.size === 0;
};

describe('from redirection on to cutover', () => {
  test('by relay: probes arrive at the source, then at the target and not at the source', async () => {
    const flow = await begin();
    await flow.proveNoLoop();
    expect(await flow.set(true)).toMatchObject({ means: 'relay' });
    await flow.prove('A6', 'source', null);
    expect(await flow.evidence('A6')).toMatchObject({
      redirection: [{ domain: DOMAIN, means: 'relay', smartHost: world.smartHost, forwards: 0 }],
      loopCheck: { name: 'mail.old.test', asked: 1, taken: 1 },
      loopProbe: { arrivedAt: 'source', absentAt: 'target' },
      probe: { arrivedAt: 'source', absentAt: null },
    });
    expect(await redirections.listPeriods(ID)).toMatchObject([{ means: 'relay', until: null }]);
    await flow.set(false);
    await flow.prove('C2', 'target', 'source');
    expect(await flow.evidence('C2')).toMatchObject({
      redirection: [{ domain: DOMAIN, smartHost: null, forwards: 0, left: [] }],
      putBack: [`type of ${DOMAIN}`],
      probe: { arrivedAt: 'target', absentAt: 'source' },
    });
    expect(world.at('old', ANNA)[0]).toContain('hop14.mailferry.invalid'); // the one that looked for a loop
    expect(world.tenant.outgoing.count).toBe(0);
  });

  test('by forwarding: probes arrive at both, then at the target only', async () => {
    const flow = await begin({ means: 'forwarding', routingDomain: ROUTING });
    await flow.proveNoLoop();
    expect(await flow.set(true)).toMatchObject({ means: 'forwarding' });
    await flow.prove('A6', 'source', null, 'target');
    expect(await flow.evidence('A6')).toMatchObject({
      redirection: [{ means: 'forwarding', smartHost: null, forwards: 1 }],
      probe: { arrivedAt: 'source', alsoAt: 'target' },
    });
    await flow.set(false);
    await flow.prove('C2', 'target', 'source');
    const periods = await redirections.listPeriods(ID);
    expect(periods.map(({ means, until }) => [means, until !== null])).toEqual([['forwarding', true]]);
  });

  test('a probe on its way only is not yet there', async () => {
    const flow = await begin();
    world.oldRelaysToMx = false;
    await flow.set(true);
    world.run('Set-OutboundConnector', { Identity: `Mailferry redirection ${DOMAIN}`, Enabled: false });
    await expect(flow.prove('A6', 'source', null)).rejects.toMatchObject({ code: 'PROBE_NOT_ARRIVED' });
  });

  test('the means is what the tenant allows, and stays it; a plan that names the other changes over', async () => {
    const flow = await begin({ routingDomain: ROUTING });
    const text = 'x|System.Management.Automation.CommandNotFoundException|not recognized';
    world.tenant.fault = ({ name }) =>
      /Connector|TransportRule/.test(name) ? { status: 400, body: { error: { details: [{ message: text }] } } } : null;
    expect(await flow.set(true)).toMatchObject({ means: 'forwarding' });
    world.tenant.fault = null;
    expect(await flow.set(true)).toMatchObject({ means: 'forwarding' });
    const { plan } = await store.getMigration(ID);
    if (plan.target.kind !== 'hosted-exchange') throw new Error('the plan is for hosted Exchange');
    const redirectTo = { ...plan.target.redirectTo, means: 'relay' } as const;
    await store.recordPlan(ID, { ...plan, target: { ...plan.target, redirectTo } });
    expect(await flow.set(true)).toMatchObject({ means: 'relay' });
    expect(world.run('Get-Mailbox', { Identity: ANNA })[0]).toMatchObject({ ForwardingSmtpAddress: null });
    await flow.prove('A6', 'source', null);
  });

  test('without any means that can be used waits and says why', async () => {
    world.run('New-OutboundConnector', { Name: 'x', UseMXRecord: false, SmartHosts: ['x.test'] });
    world.run('New-TransportRule', { Name: 'theirs', RouteMessageOutboundConnector: 'x' });
    const flow = await begin();
    await expect(flow.set(true)).rejects.toMatchObject({
      code: 'REDIRECTION_CONFLICT',
      message: expect.stringMatching(/relay: the rule 'theirs'.*forwarding: .*routingDomain/),
    });
    expect(await redirections.listPeriods(ID)).toEqual([]);
  });
});

describe('a loop', () => {
  test('that nobody looks for is real: every mail goes round until it is stopped, and reaches nobody', async () => {
    const flow = await begin();
    world.oldRelaysToMx = true;
    await flow.set(true); // the old server takes the recipients and is another machine: nothing of that tells
    await expect(world.send(ANNA)).rejects.toThrow('5.4.14');
    expect(world.at('old', ANNA).length + world.at('tenant', ANNA).length).toBe(0);
    // A probe that goes round while redirection is on is stopped, and told for what it is.
    await expect(flow.proveNoLoop()).rejects.toMatchObject({ code: 'REDIRECTION_LOOP' });
  });

  test('is seen by a probe before it starts', async () => {
    const flow = await begin();
    world.oldRelaysToMx = true;
    await expect(flow.proveNoLoop()).rejects.toMatchObject({ code: 'REDIRECTION_LOOP' });
    expect(isUntouched()).toBe(true);
    world.oldRelaysToMx = false;
    await flow.proveNoLoop();
  });

  test.each(['127.0.0.1', 'localhost'])('is seen by the tenant itself being the old server, as %s', async (host) => {
    const flow = await begin({ host, port: world.entrance.port });
    await expect(flow.set(true)).rejects.toMatchObject({ code: 'REDIRECTION_LOOP' });
    expect(isUntouched()).toBe(true);
  });

  test('is seen by the MX of the routing domain being the tenant', async () => {
    mx = [{ exchange: 'MX.hosted.test', preference: 0 }];
    const flow = await begin({ means: 'forwarding', routingDomain: ROUTING }, { dns });
    await expect(flow.set(true)).rejects.toMatchObject({ code: 'REDIRECTION_LOOP' });
    expect(isUntouched()).toBe(true);
  });

  test('is another thing than an old server that does not know the people', async () => {
    world.old.store.removeAccount(ANNA);
    const flow = await begin();
    await expect(flow.set(true)).rejects.toMatchObject({ code: 'REDIRECTION_REFUSED', facts: { status: 550 } });
    expect(isUntouched()).toBe(true);
  });
});

describe('after a cancelled migration', () => {
  test('redirection is taken away while MX is at the old server', async () => {
    mx = [{ exchange: 'mail.old.test', preference: 10 }];
    const flow = await begin({}, { dns });
    await flow.set(true);
    expect(await flow.rollBack()).toEqual({ outcome: 'off' });
    expect(isUntouched()).toBe(true);
    expect(await flow.evidence('A6')).toMatchObject({ rolledBack: { outcome: 'off' } });
  });

  test('it stays while MX leads to the tenant, so that mail does not come to mailboxes that nobody uses', async () => {
    const flow = await begin({}, { dns });
    await flow.set(true);
    mx = [{ exchange: 'mx.hosted.test', preference: 0 }];
    expect(await flow.rollBack()).toEqual({ outcome: 'left-on' });
    await world.send(ANNA);
    expect(world.at('old', ANNA)).toHaveLength(1);
    expect(await flow.evidence('A6')).toMatchObject({ rolledBack: { outcome: 'left-on', why: expect.any(String) } });
  });
});

describe('a look at an entrance', () => {
  const open: SmtpEntrance[] = [];
  afterEach(() => Promise.all(open.splice(0).map((each) => each.close())));

  test.each([false, true])(
    'tells its name and what it says to recipients, and sends nothing (STARTTLS %s)',
    async (tls) => {
      let delivered = 0;
      const entrance = await startSmtpEntrance({
        ...{ name: 'Mail.Old.test', domains: [DOMAIN], knows: (recipient) => recipient === ANNA },
        deliver: async () => {
          delivered += 1;
        },
        ...(tls && { tls: await (await createAuthority()).issue(['localhost']) }),
      });
      open.push(entrance);
      const recipients = [ANNA, `nobody@${DOMAIN}`, 'ann@elsewhere.test'];
      expect(await createEntrances().ask(entrance, 'Probe <p@outside.test>', recipients, neverAborted)).toEqual({
        name: 'mail.old.test',
        recipients: [250, 550, 550].map((code, at) => ({ recipient: recipients[at], code })),
      });
      expect(delivered).toBe(0);
    },
  );

  test('of nobody is HOST_UNREACHABLE', async () => {
    const ask = createEntrances().ask({ host: '127.0.0.1', port: 1 }, '', [], neverAborted);
    await expect(ask).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' });
  });
});
