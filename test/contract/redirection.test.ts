/** Both means of redirection, held against the lab's tenant over HTTPS and proved by mail; no other tenant was at hand. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createExchangeAdminConnector } from '../../adapters/exchange-admin/connector.ts';
import { MemoryRedirections } from '../../adapters/memory/redirections.ts';
import type { ExchangeAdmin, WantedRedirection } from '../../domain/ports/exchange-admin.ts';
import type { RedirectionMemory } from '../../domain/ports/redirection.ts';
import { REDIRECTION_MEANS, type RedirectionMeans } from '../../domain/redirection.ts';
import type { Fault } from '../../lab/exchange/tenant.ts';
import { DOMAIN, type MailFlowWorld, ROUTING, startMailFlowWorld } from '../support/mail-flow-world.ts';

const ANNA = `anna@${DOMAIN}`;
const BOB = `bob@${DOMAIN}`;
const OLD_ONLY = `old-only@${DOMAIN}`;
const signal = new AbortController().signal;

let world: MailFlowWorld;
let admin: ExchangeAdmin;
let memory: RedirectionMemory;
let wanted: WantedRedirection;
const folder = await mkdtemp(join(tmpdir(), 'mailferry-redirection-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

beforeEach(async () => {
  world = await startMailFlowWorld([ANNA, BOB, OLD_ONLY]);
  for (const person of [ANNA, BOB]) world.addMailbox(person);
  const caFile = join(folder, 'ca.pem');
  await writeFile(caFile, world.caPem);
  const { baseUrl, tokenUrl, tenantId, clientId } = world.tenant;
  const access = { baseUrl, tokenUrl, tenantId, clientId, clientSecret: 'env:SECRET', caFile };
  const imap = { host: 'x', port: 1, security: 'tls', allowInsecure: false, caFile, maxConnections: 1 } as const;
  const smtp = { host: 'x', port: 25 };
  const secrets = { resolve: async () => 'lab-secret' };
  const connector = createExchangeAdminConnector({ secrets, timeoutMs: 5_000 });
  admin = connector.open({
    ...{ kind: 'hosted-exchange', imap, smtp, redirectTo: smtp },
    ...{ graph: access, exchangeAdmin: access },
  });
  memory = new MemoryRedirections().memory('mig_1');
  const forwards = [ANNA, BOB].map((mailbox) => ({ mailbox, to: mailbox.replace(DOMAIN, ROUTING) }));
  wanted = { domain: DOMAIN, smartHost: world.smartHost, forwards, existing: 'stop' };
});
afterEach(() => world.close());

const on = (means: RedirectionMeans, change: Partial<WantedRedirection> = {}) =>
  admin.ensureRedirection(means, { ...wanted, ...change }, memory, signal);
const off = (means: RedirectionMeans) => admin.endRedirection(means, wanted, memory, signal);
const state = () => admin.findRedirection(wanted, signal);
const arrivals = async () => {
  const before = [ANNA, BOB].map((each) => [world.at('tenant', each).length, world.at('old', each).length]);
  for (const person of [ANNA, BOB]) await world.send(person);
  await world.entrance.transport.idle();
  return [ANNA, BOB].map((each, at) => {
    const [tenant = 0, old = 0] = before[at] ?? [];
    return [world.at('tenant', each).length - tenant, world.at('old', each).length - old];
  });
};
/** How many arrive at the tenant and at the old server of a mail to each of the two. */
const ARRIVE = {
  relay: [
    [0, 1],
    [0, 1],
  ],
  forwarding: [
    [1, 1],
    [1, 1],
  ],
};
const NOWHERE = { smartHost: null, forwards: [] };

/** Lets the nth call of a cmdlet go wrong, once. */
function failOnce(cmdlet: string, fault: Fault, nth = 1): { fired: () => boolean } {
  let seen = 0;
  world.tenant.fault = ({ name }) => {
    if (name !== cmdlet) return null;
    seen += 1;
    return seen === nth ? fault : null;
  };
  return { fired: () => seen >= nth };
}

/** Everything of the tenant that redirection could change, as it is now. */
function snapshot(): unknown {
  const { state: tenant } = world.tenant;
  return structuredClone({
    domains: [...tenant.domains],
    connectors: [...tenant.connectors],
    rules: [...tenant.rules],
    spam: [...tenant.policies('HostedOutboundSpamFilterRule')],
    policies: [...tenant.policies('HostedOutboundSpamFilterPolicy')].filter(([name]) => name !== 'Default'),
    mailboxes: [ANNA, BOB].map((Identity) => world.run('Get-Mailbox', { Identity })),
  });
}

describe.each(REDIRECTION_MEANS)('redirection by %s', (means) => {
  test('is on twice as once, moves mail, is read back, and leaves the tenant as it was', async () => {
    const before = snapshot();
    expect(await admin.findObstacles(wanted, signal)).toEqual({ relay: [], forwarding: [] });
    for (let time = 0; time < 2; time += 1) {
      await on(means);
      expect(await state()).toEqual(
        means === 'relay'
          ? { smartHost: world.smartHost, forwards: [] }
          : { smartHost: null, forwards: wanted.forwards },
      );
    }
    expect(await arrivals()).toEqual(ARRIVE[means]);
    for (let time = 0; time < 2; time += 1) {
      expect(await off(means)).toEqual([]);
      expect(await state()).toEqual(NOWHERE);
    }
    expect(await arrivals()).toEqual([
      [1, 0],
      [1, 0],
    ]);
    expect(snapshot()).toEqual(before);
    expect(await memory.list()).toEqual([]);
    expect(world.tenant.outgoing.count).toBe(0);
  });

  const effects = {
    relay: ['New-OutboundConnector', 'Set-AcceptedDomain', 'New-TransportRule'],
    forwarding: ['New-HostedOutboundSpamFilterPolicy', 'New-HostedOutboundSpamFilterRule', 'Set-Mailbox'],
  }[means];
  const undoes = {
    relay: ['Remove-TransportRule', 'Set-AcceptedDomain', 'Remove-OutboundConnector'],
    forwarding: ['Set-Mailbox', 'Remove-HostedOutboundSpamFilterRule', 'Remove-HostedOutboundSpamFilterPolicy'],
  }[means];

  test.each(effects)('survives a lost answer of %s', async (cmdlet) => {
    const { fired } = failOnce(cmdlet, { status: 503, afterEffect: true });
    await on(means);
    expect(fired()).toBe(true);
    expect(world.tenant.calls.filter((name) => name === cmdlet).length).toBe(cmdlet === 'Set-Mailbox' ? 2 : 1);
    expect(await arrivals()).toEqual(ARRIVE[means]);
  });

  test.each(effects)(
    'cut short at %s is finished by the next attempt, and what was there is not forgotten',
    async (cmdlet) => {
      const before = snapshot();
      const { fired } = failOnce(cmdlet, { status: 429, headers: { 'retry-after': '1.5' } });
      await expect(on(means)).rejects.toMatchObject({ code: 'THROTTLED', retryAfterMs: 1_500 });
      expect(fired()).toBe(true);
      await on(means);
      expect(await arrivals()).toEqual(ARRIVE[means]);
      await off(means);
      expect(snapshot()).toEqual(before);
    },
  );

  test.each(undoes)('switched off survives a lost answer of %s, and a cut before it', async (cmdlet) => {
    const before = snapshot();
    for (const fault of [{ status: 503, afterEffect: true }, { status: 503 }]) {
      await on(means);
      const { fired } = failOnce(cmdlet, fault);
      if (fault.afterEffect) await off(means);
      else {
        await expect(off(means)).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
        await off(means);
      }
      expect(fired()).toBe(true);
      world.tenant.fault = null;
      expect(snapshot()).toEqual(before);
    }
  });

  test('stops at a rule of somebody else and changes nothing; told to replace it, puts it aside and back', async () => {
    const route = { UseMXRecord: false, SmartHosts: ['127.0.0.1:1'], IsTransportRuleScoped: true };
    world.run('New-OutboundConnector', { Name: 'archive', ...route });
    world.run('New-TransportRule', { Name: 'to archive', RouteMessageOutboundConnector: 'archive' });
    const before = snapshot();
    await expect(on(means)).rejects.toMatchObject({
      code: 'REDIRECTION_CONFLICT',
      message: expect.stringContaining("'to archive'"),
    });
    expect(snapshot()).toEqual(before);
    await on(means, { existing: 'replace' });
    expect(await memory.list()).toContain(`rule in the way of ${DOMAIN}: to archive`);
    expect(await arrivals()).toEqual(ARRIVE[means]);
    await off(means);
    expect(snapshot()).toEqual(before);
  });

  test('of a domain that the tenant does not have is refused', async () => {
    const other = { domain: 'example.org' };
    if (means === 'relay') await expect(on(means, other)).rejects.toMatchObject({ code: 'TARGET_ADMIN_REFUSED' });
    await expect(admin.findObstacles({ ...wanted, ...other }, signal)).rejects.toMatchObject({
      code: 'TARGET_ADMIN_REFUSED',
    });
  });
});

describe('the relay', () => {
  test('follows the smart host, and is not claimed while the rule points elsewhere', async () => {
    for (const smartHost of ['old.example.org:25', '127.0.0.1:2525']) {
      await on('relay', { smartHost });
      expect((await state()).smartHost).toBe(smartHost);
    }
    for (const rule of world.tenant.state.rules.values()) rule['RouteMessageOutboundConnector'] = 'somebody else';
    expect((await state()).smartHost).toBeNull();
    await on('relay');
    expect((await state()).smartHost).toBe(world.smartHost);
  });

  test('hands on whom only the old server knows, and gives an internal relay back as one', async () => {
    world.run('Set-AcceptedDomain', { Identity: DOMAIN, DomainType: 'InternalRelay' });
    await on('relay');
    await world.send(OLD_ONLY);
    expect(world.at('old', OLD_ONLY).length).toBe(1);
    await off('relay');
    expect(world.tenant.state.domains.get(DOMAIN)).toBe('InternalRelay');
  });

  test('cannot be used by an application without the role for it, and forwarding can', async () => {
    const text = 'x|System.Management.Automation.CommandNotFoundException|not recognized';
    world.tenant.fault = ({ name }) =>
      /Connector|TransportRule/.test(name) ? { status: 400, body: { error: { details: [{ message: text }] } } } : null;
    const { relay, forwarding } = await admin.findObstacles(wanted, signal);
    expect([relay.length, forwarding.length]).toEqual([2, 0]);
    await on('forwarding');
    await off('relay');
    expect((await state()).forwards).toHaveLength(2);
  });
});

describe('forwarding', () => {
  test('stops at the forwarding of an owner and changes nothing; told to replace it, puts it back', async () => {
    world.run('New-MailContact', { Name: 'assistant', ExternalEmailAddress: 'assistant@outside.test' });
    world.run('Set-Mailbox', { Identity: BOB, ForwardingAddress: 'assistant', ForwardingSmtpAddress: 'smtp:b@c.test' });
    const before = snapshot();
    await expect(on('forwarding')).rejects.toMatchObject({
      code: 'REDIRECTION_CONFLICT',
      message: `${BOB} already forwards to assistant`,
    });
    expect(snapshot()).toEqual(before);
    await on('forwarding', { existing: 'replace' });
    expect(await arrivals()).toEqual(ARRIVE.forwarding);
    await off('forwarding');
    expect(snapshot()).toEqual(before);
  });

  test('that its owner changes meanwhile stays as it is, and is told', async () => {
    await on('forwarding');
    world.run('Set-Mailbox', { Identity: ANNA, ForwardingSmtpAddress: 'smtp:private@outside.test' });
    expect((await state()).forwards.map(({ mailbox }) => mailbox)).toEqual([BOB]);
    expect(await off('forwarding')).toEqual([`${ANNA}: its forwarding was changed meanwhile and stays as it is`]);
    expect(world.run('Get-Mailbox', { Identity: ANNA })[0]).toMatchObject({
      ForwardingSmtpAddress: 'smtp:private@outside.test',
    });
  });

  test('that was there before us, and is the same, is not taken away', async () => {
    const [first] = wanted.forwards;
    world.run('Set-Mailbox', {
      ...{ Identity: ANNA, ForwardingSmtpAddress: `smtp:${first?.to}`, DeliverToMailboxAndForward: true },
    });
    await on('forwarding');
    await off('forwarding');
    expect(world.run('Get-Mailbox', { Identity: ANNA })[0]).toMatchObject({ DeliverToMailboxAndForward: true });
  });

  test('of a mailbox that has left the list since is taken away, too', async () => {
    await on('forwarding');
    await admin.endRedirection('forwarding', { ...wanted, forwards: [] }, memory, signal);
    expect(await state()).toEqual(NOWHERE);
  });

  test('needs no policy of ours where the default lets everybody forward', async () => {
    world.run('Set-HostedOutboundSpamFilterPolicy', { Identity: 'Default', AutoForwardingMode: 'On' });
    await on('forwarding');
    expect(world.tenant.state.policies('HostedOutboundSpamFilterRule').size).toBe(0);
    expect(await arrivals()).toEqual(ARRIVE.forwarding);
  });

  test('is not claimed while a policy holds the copies back', async () => {
    await on('forwarding');
    for (const rule of world.tenant.state.policies('HostedOutboundSpamFilterRule').values()) rule['State'] = 'Disabled';
    expect((await state()).forwards).toEqual([]);
  });

  test('to a domain of the tenant itself would not leave it', async () => {
    world.tenant.state.domains.set(ROUTING, 'InternalRelay');
    await expect(on('forwarding')).rejects.toMatchObject({ code: 'REDIRECTION_CONFLICT' });
  });
});
