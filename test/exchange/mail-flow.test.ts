/** The simulator's mail flow does what is known of Exchange's (exchange.md §6.3, §6.4): a test a fact. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DOMAIN, type MailFlowWorld, plainMail, ROUTING, startMailFlowWorld } from '../support/mail-flow-world.ts';

const ANNA = `anna@${DOMAIN}`;
const BOB = `bob@${DOMAIN}`;
const INFO = `info@${DOMAIN}`;
const OLD_ONLY = `old-only@${DOMAIN}`;

let world: MailFlowWorld;
beforeEach(async () => {
  world = await startMailFlowWorld([ANNA, BOB, OLD_ONLY, INFO]);
  world.addMailbox(ANNA);
  world.addMailbox(BOB);
});
afterEach(() => world.close());

const counts = (address: string) => [world.at('tenant', address).length, world.at('old', address).length];

function connector(fields: Record<string, unknown> = {}): void {
  const route = { UseMXRecord: false, SmartHosts: [world.smartHost], ConnectorType: 'OnPremises' };
  world.run('New-OutboundConnector', { Name: 'to old', ...route, ...fields });
}

function rule(fields: Record<string, unknown> = {}, name = 'redirect'): void {
  world.run('New-TransportRule', { Name: name, RouteMessageOutboundConnector: 'to old', ...fields });
}

describe('delivery', () => {
  test('puts a mail into the mailbox with a trace of each hop, unread and no draft', async () => {
    await world.send(ANNA);
    const [raw = ''] = world.at('tenant', ANNA);
    expect(raw).toMatch(/^Return-Path: <writer@outside\.test>\r\n/);
    expect(raw.match(/^Received: from .*\r\n\tby (\S+)/gm)?.length).toBe(2);
    const [message] = world.tenant.store.findAccount(ANNA)?.inbox.messages ?? [];
    expect([...(message?.flags ?? [])]).toEqual([]);
    expect(message && world.tenant.items.of(message).isDraft).toBe(false);
    expect(world.entrance.transport.deliveries).toEqual([
      { recipient: ANNA, mailbox: ANNA, from: 'writer@outside.test' },
    ]);
  });

  test('of an alias is to its mailbox, of a list to its members, once each', async () => {
    world.tenant.state.findMailbox(ANNA)?.aliases.push(INFO);
    const list = { name: 'all', displayName: 'all', outsidersMayWrite: true, address: `all@${DOMAIN}` };
    world.tenant.state.lists.set(list.address, { ...list, members: [ANNA, BOB, list.address], sendAs: new Set() });
    await world.send(INFO);
    await world.send(`all@${DOMAIN}`);
    expect([world.at('tenant', ANNA).length, world.at('tenant', BOB).length]).toEqual([2, 1]);
  });

  test('to a mail user or contact goes on to its external address', async () => {
    const external = `anna@${ROUTING}`;
    world.run('New-MailUser', {
      Name: 'Old Anna',
      PrimarySmtpAddress: `oldanna@${DOMAIN}`,
      ExternalEmailAddress: external,
    });
    await world.send(`oldanna@${DOMAIN}`);
    expect(world.at('old', ANNA).length).toBe(1);
    expect(world.entrance.transport.relays[0]).toMatchObject({ recipient: external, forwardedBy: null });
  });
});

describe('an accepted domain', () => {
  test('that is authoritative bounces whom the directory does not have', async () => {
    await expect(world.send(OLD_ONLY)).rejects.toThrow('550 5.1.10');
    expect(world.entrance.transport.bounces).toHaveLength(1);
  });

  test('as internal relay hands unknown recipients on by the connector of the domain', async () => {
    world.run('Set-AcceptedDomain', { Identity: DOMAIN, DomainType: 'InternalRelay' });
    connector({ RecipientDomains: [DOMAIN] });
    await world.send(OLD_ONLY);
    await world.send(ANNA);
    expect(counts(OLD_ONLY)).toEqual([0, 1]);
    expect(counts(ANNA)).toEqual([1, 0]);
  });

  test('as internal relay without a connector goes back to its own MX and really loops', async () => {
    world.run('Set-AcceptedDomain', { Identity: DOMAIN, DomainType: 'InternalRelay' });
    await expect(world.send(OLD_ONLY)).rejects.toThrow('554 5.4.14 Hop count exceeded - possible mail loop');
    expect(world.entrance.transport.relays).toEqual([]); // none of the hops got through
    expect(world.entrance.transport.bounces.at(-1)?.reason).toContain('5.4.14');
  });

  test('of somebody else is no business of the tenant', async () => {
    await expect(world.send('ann@elsewhere.test')).rejects.toThrow('550 5.7.64');
  });
});

describe('a transport rule', () => {
  const scoped = { IsTransportRuleScoped: true };

  test('sends mail through its connector though the mailbox exists', async () => {
    connector(scoped);
    rule({ RecipientDomainIs: [DOMAIN] });
    await world.send(ANNA);
    expect(counts(ANNA)).toEqual([0, 1]);
    const [raw = ''] = world.at('old', ANNA);
    expect(raw.match(/^Return-Path:/gm)?.length).toBe(1);
    expect(world.tenant.outgoing.count).toBe(0); // handed on, not written
  });

  test('takes those only for whom all its conditions hold', async () => {
    connector(scoped);
    world.tenant.state.lists.set(`moving@${DOMAIN}`, {
      ...{ address: `moving@${DOMAIN}`, name: 'moving', displayName: 'moving', outsidersMayWrite: true },
      members: [BOB],
      sendAs: new Set(),
    });
    rule({ RecipientDomainIs: [DOMAIN], SentToMemberOf: ['moving'] });
    await world.send(ANNA);
    await world.send(BOB);
    expect([counts(ANNA), counts(BOB)]).toEqual([
      [1, 0],
      [0, 1],
    ]);
  });

  test.each(['SentTo', 'SentToMemberOf'])('with %s of a mailbox holds for its aliases, too', async (condition) => {
    connector(scoped);
    world.tenant.state.findMailbox(ANNA)?.aliases.push(INFO);
    rule({ [condition]: [ANNA] });
    await world.send(INFO);
    expect(world.entrance.transport.relays[0]).toMatchObject({ connector: 'to old', recipient: INFO });
  });

  test('that is disabled or only audited, or whose connector is disabled or not for rules, takes nothing', async () => {
    connector(scoped);
    rule({ RecipientDomainIs: [DOMAIN] });
    world.run('Disable-TransportRule', { Identity: 'redirect', Confirm: false });
    await world.send(ANNA);
    world.run('Enable-TransportRule', { Identity: 'redirect' });
    world.run('Set-TransportRule', { Identity: 'redirect', Mode: 'Audit' });
    await world.send(ANNA);
    world.run('Set-TransportRule', { Identity: 'redirect', Mode: 'Enforce' });
    world.run('Set-OutboundConnector', { Identity: 'to old', Enabled: false });
    await world.send(ANNA);
    world.run('Set-OutboundConnector', { Identity: 'to old', Enabled: true, IsTransportRuleScoped: false });
    await world.send(ANNA);
    expect(counts(ANNA)).toEqual([4, 0]);
  });

  test('of a lower priority number is asked first', async () => {
    connector(scoped);
    world.run('New-OutboundConnector', { Name: 'nowhere', ...scoped, UseMXRecord: false, SmartHosts: ['127.0.0.1:1'] });
    rule({ RouteMessageOutboundConnector: 'nowhere' }, 'first');
    rule({ RecipientDomainIs: [DOMAIN] });
    await expect(world.send(ANNA)).rejects.toThrow('451');
    world.run('Set-TransportRule', { Identity: 'redirect', Priority: 0 });
    expect(world.run('Get-TransportRule').map(({ Name }) => Name)).toEqual(['redirect', 'first']);
    await world.send(ANNA);
    expect(counts(ANNA)).toEqual([0, 1]);
  });

  test('needs a connector that is there', () => {
    expect(() => rule({ RouteMessageOutboundConnector: 'none' })).toThrow('404');
    connector(scoped);
    expect(() => rule({ Priority: 3 })).toThrow('400');
  });
});

describe('a connector', () => {
  test('that is scoped to rules serves no other mail', async () => {
    world.run('Set-AcceptedDomain', { Identity: DOMAIN, DomainType: 'InternalRelay' });
    connector({ RecipientDomains: [DOMAIN], IsTransportRuleScoped: true });
    await expect(world.send(OLD_ONLY)).rejects.toThrow('5.4.14');
  });

  test('has smart hosts or the MX, not both and not neither', () => {
    expect(() => connector({ UseMXRecord: true })).toThrow('400');
    expect(() => connector({ SmartHosts: [] })).toThrow('400');
  });

  test('whose host refuses hands the refusal to the sender, and one that is down lets it try later', async () => {
    world.run('Set-AcceptedDomain', { Identity: DOMAIN, DomainType: 'InternalRelay' });
    connector({ RecipientDomains: [DOMAIN] });
    await expect(world.send(`nobody@${DOMAIN}`)).rejects.toThrow('550 5.1.1 No such mailbox');
    world.run('Set-OutboundConnector', { Identity: 'to old', SmartHosts: ['127.0.0.1:1'] });
    await expect(world.send(OLD_ONLY)).rejects.toThrow('451');
  });
});

describe('forwarding of a mailbox', () => {
  const routing = `anna@${ROUTING}`;
  const allow = () =>
    world.run('Set-HostedOutboundSpamFilterPolicy', { Identity: 'Default', AutoForwardingMode: 'On' });
  const forward = (values: Record<string, unknown>) => world.run('Set-Mailbox', { Identity: ANNA, ...values });
  const send = async (mail = {}) => {
    await world.send(ANNA, mail);
    await world.entrance.transport.idle();
  };

  test('with a copy brings the mail to both, without one only on', async () => {
    allow();
    forward({ ForwardingSmtpAddress: routing, DeliverToMailboxAndForward: true });
    await send();
    expect(counts(ANNA)).toEqual([1, 1]);
    forward({ DeliverToMailboxAndForward: false });
    await send();
    expect(counts(ANNA)).toEqual([1, 2]);
    expect(world.tenant.outgoing.count).toBe(0);
    forward({ ForwardingSmtpAddress: null });
    await send();
    expect(counts(ANNA)).toEqual([2, 2]);
  });

  test('shows as Exchange shows it, and the two copies differ in their trace', async () => {
    allow();
    forward({ ForwardingSmtpAddress: routing, DeliverToMailboxAndForward: true });
    expect(world.run('Get-Mailbox', { Identity: ANNA })[0]).toMatchObject({
      ForwardingSmtpAddress: `smtp:${routing}`,
      ForwardingAddress: null,
      DeliverToMailboxAndForward: true,
    });
    await send();
    expect(world.at('old', ANNA)[0]).toContain(`Resent-From: <${ANNA}>`);
    expect(world.at('tenant', ANNA)[0]).not.toContain('Resent-From');
  });

  test.each(['Automatic', 'Off'])('out of the organisation is dropped with a report under %s', async (mode) => {
    world.run('Set-HostedOutboundSpamFilterPolicy', { Identity: 'Default', AutoForwardingMode: mode });
    forward({ ForwardingSmtpAddress: routing, DeliverToMailboxAndForward: true });
    await send({ from: BOB });
    expect(counts(ANNA)).toEqual([1, 0]);
    expect(world.entrance.transport.bounces[0]?.reason).toContain('550 5.7.520');
    expect(world.tenant.outgoing.list).toEqual([{ from: '', to: BOB, why: 'non-delivery report' }]);
    expect(world.at('tenant', BOB)[0]).toContain('5.7.520');
  });

  test('of nobody is reported to an empty sender', async () => {
    forward({ ForwardingSmtpAddress: routing });
    await send({ from: '' });
    expect(world.entrance.transport.bounces).toHaveLength(1);
    expect(world.tenant.outgoing.count).toBe(0);
  });

  test('is allowed by a policy whose rule names the mailbox, and by that only', async () => {
    world.run('New-HostedOutboundSpamFilterPolicy', { Name: 'may', AutoForwardingMode: 'On' });
    world.run('New-HostedOutboundSpamFilterRule', {
      Name: 'may',
      HostedOutboundSpamFilterPolicy: 'may',
      From: [ANNA],
    });
    for (const [Identity, person] of [
      [ANNA, 'anna'],
      [BOB, 'bob'],
    ] as const) {
      world.run('Set-Mailbox', { Identity, ForwardingSmtpAddress: `${person}@${ROUTING}` });
      await world.send(Identity);
    }
    await world.entrance.transport.idle();
    expect([counts(ANNA), counts(BOB)]).toEqual([
      [0, 1],
      [0, 0],
    ]);
    // A policy that is in use cannot go (a guess).
    expect(() => world.run('Remove-HostedOutboundSpamFilterPolicy', { Identity: 'may' })).toThrow('400');
  });

  test('inside the organisation needs no policy', async () => {
    forward({ ForwardingSmtpAddress: BOB, DeliverToMailboxAndForward: true });
    await send();
    expect([counts(ANNA), counts(BOB)]).toEqual([
      [1, 0],
      [1, 0],
    ]);
  });

  test('by ForwardingAddress wins over the other, and needs a recipient of the tenant', async () => {
    expect(() => forward({ ForwardingAddress: routing })).toThrow('404');
    forward({ ForwardingSmtpAddress: routing, ForwardingAddress: BOB });
    await send();
    expect([counts(ANNA), counts(BOB)]).toEqual([
      [0, 0],
      [1, 0],
    ]);
  });

  test('waits for a host that is down, and the copy in the mailbox is not doubled by that', async () => {
    allow();
    connector({ RecipientDomains: [ROUTING], SmartHosts: ['127.0.0.1:1'] });
    forward({ ForwardingSmtpAddress: routing, DeliverToMailboxAndForward: true });
    await world.send(ANNA);
    expect(counts(ANNA)).toEqual([1, 0]);
    world.run('Set-OutboundConnector', { Identity: 'to old', SmartHosts: [world.smartHost] });
    await world.entrance.transport.idle();
    expect(counts(ANNA)).toEqual([1, 1]);
  });

  test('that the old server sends back loops, and each turn leaves a copy', async () => {
    allow();
    world.oldRelaysToMx = true;
    forward({ ForwardingSmtpAddress: routing, DeliverToMailboxAndForward: true });
    await send();
    expect(counts(ANNA)).toEqual([4, 0]); // two hops a turn, and eight are borne
    expect(world.entrance.transport.bounces[0]?.reason).toContain('5.4.14');
  });
});

test('a loop between the tenant and the old server is real: the mail goes round until its hops are spent', async () => {
  world.oldRelaysToMx = true;
  connector({ IsTransportRuleScoped: true });
  rule({ RecipientDomainIs: [DOMAIN] });
  await expect(world.send(ANNA, { raw: plainMail('writer@outside.test', ANNA, 'round') })).rejects.toThrow('5.4.14');
  const { bounces } = world.entrance.transport;
  expect(bounces.filter(({ reason }) => reason.includes('5.4.14')).length).toBeGreaterThan(2); // one a turn on its way back
  expect(counts(ANNA)).toEqual([0, 0]);
});
