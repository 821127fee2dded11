import { randomBytes } from 'node:crypto';
import type { Pass } from '../../domain/passes.ts';
import type { DnsView } from '../../domain/ports/dns.ts';
import type { Route } from '../../domain/routes.ts';
import { createAuthority } from '../authority.ts';
import { startDnsServer } from '../dns/server.ts';
import { Zone } from '../dns/zone.ts';
import { findDovecot, startDovecot } from '../dovecot.ts';
import { startImapServer } from '../imap/server.ts';
import { MailStore } from '../imap/store.ts';
import type { ImapEndpoint } from '../imap-client.ts';
import { generateMailbox } from '../mail/generator.ts';
import { seedMailbox } from '../mail/seed.ts';
import { deliverByImap } from '../smtp/deliveries.ts';
import { startSmtpEntrance } from '../smtp/entrance.ts';
import { startMailCatcher } from '../smtp/mail-catcher.ts';
import type { MailExchanger } from '../smtp/sender.ts';
import { Catcher } from './catcher.ts';
import { type HostedSide, startHostedSide } from './hosted-side.ts';
import { DOMAIN, type Employee, MANAGER } from './people.ts';

export interface World {
  readonly people: readonly Employee[];
  readonly caPem: string;
  readonly source: {
    readonly kind: 'Dovecot' | 'embedded IMAP server';
    readonly endpoint: { readonly host: string; readonly port: number; readonly security: 'tls' };
    readonly smtpPort: number;
  };
  readonly hosted: HostedSide;
  readonly dns: { readonly resolver: string; readonly port: number };
  readonly dnsView: DnsView;
  readonly zone: Zone;
  readonly names: typeof NAMES;
  readonly catcher: Catcher;
  /** Pass under way as the demo last saw it; null between passes. */
  pass: Pass | null;
  /** Called when a message reaches the target, before it has an effect. */
  onWrite: () => void;
  passwordsOf(address: string): { readonly source: string; readonly target: string };
  sourceAccount(address: string): ImapEndpoint;
  targetAccount(address: string): ImapEndpoint;
  /** Mailboxes behind an address, an alias or a list. */
  mailboxesOf(recipient: string): readonly string[];
  exchanger(name: string): Omit<MailExchanger, 'priority'>;
  close(): Promise<void>;
}

const NAMES = {
  oldMx: `mail.${DOMAIN}`,
  newMx: 'harbour-test.mx.hosted.test',
  autodiscover: 'autodiscover.hosted.test',
  spfMechanism: 'include:spf.hosted.test',
  ttlSeconds: 4,
} as const;

interface WorldOptions {
  readonly people: readonly Employee[];
  readonly messages: number;
  readonly seed: string;
  readonly route: Route | null;
  readonly say: (text: string) => void;
}

/** The small world of the demo: an old mail server with mail, a hosted tenant without any, their entrances, DNS, and a mail catcher. */
export async function startWorld({ people, messages, seed, route, say }: WorldOptions): Promise<World> {
  const closers: (() => Promise<unknown>)[] = [];
  const keep = <T extends { close(): Promise<unknown> }>(part: T): T => {
    closers.push(() => part.close());
    return part;
  };
  const secret = () => randomBytes(18).toString('base64url');
  const passwords = new Map(people.map(({ address }) => [address, { source: secret(), target: secret() }]));
  const passwordsOf = (address: string) => passwords.get(address) ?? { source: '', target: '' };
  const authority = await createAuthority();

  const sourceTls = await authority.issue(['localhost', '127.0.0.1']);
  const old = await startSource(people, passwordsOf, sourceTls);
  closers.push(old.close);
  const sourceAccount = (address: string): ImapEndpoint => ({
    host: 'localhost',
    port: old.port,
    user: address,
    pass: passwordsOf(address).source,
    secure: true,
  });
  const each = Math.max(1, Math.floor(messages / people.length));
  let count = 0;
  for (const { address, locale } of people) {
    const mails = [
      ...generateMailbox({
        seed,
        owner: address,
        locale,
        messages: each,
        nasty: old.kind === 'Dovecot' ? 'lawful' : 'full',
      }),
    ];
    count += mails.length;
    await seedMailbox(sourceAccount(address), mails);
  }
  say(`old mail server: ${old.kind}, ${people.length} mailboxes with ${count} messages in folders of three languages`);

  const world = { pass: null as Pass | null, onWrite: (): void => undefined };
  const hosted = keep(
    await startHostedSide({
      authority,
      mx: NAMES.newMx,
      seats: people.length,
      route,
      passwordOf: (address) => passwordsOf(address).target,
      onWrite: () => world.onWrite(),
    }),
  );
  const mailboxesOf = (recipient: string): readonly string[] => ownersOf(people, recipient);
  const sourceSmtp = keep(
    await startSmtpEntrance({
      name: NAMES.oldMx,
      domains: [DOMAIN],
      knows: (recipient) => mailboxesOf(recipient).length > 0,
      deliver: async (mail) => {
        for (const recipient of mailboxesOf(mail.recipient)) await deliverByImap(sourceAccount)({ ...mail, recipient });
      },
    }),
  );
  say('hosted tenant: Graph, Exchange administration and EWS over HTTPS, IMAP, SMTP; no mailbox in it yet');

  const zone = makeZone();
  const [first, second] = await startNameServers(zone);
  closers.push(() => Promise.all([first.close(), second?.close()]));
  const dns = { resolver: `${first.address}:${first.port}`, port: first.port };
  const catcher = new Catcher(
    await startMailCatcher({ domains: [MANAGER.email, MANAGER.codeEmail].map((email) => email.replace(/.*@/, '')) }),
  );
  closers.push(() => catcher.close());
  say(`name servers for ${DOMAIN}, SMTP entrances for both sides, mail catcher ${catcher.url}`);

  return Object.assign(world, {
    people,
    caPem: authority.caPem,
    source: {
      kind: old.kind,
      endpoint: { host: 'localhost', port: old.port, security: 'tls' as const },
      smtpPort: sourceSmtp.port,
    },
    hosted,
    dns,
    dnsView: dns,
    zone,
    names: NAMES,
    catcher,
    passwordsOf,
    sourceAccount,
    targetAccount: (address: string): ImapEndpoint => ({
      host: 'localhost',
      port: hosted.readerPort,
      user: address,
      pass: passwordsOf(address).target,
      secure: true,
    }),
    mailboxesOf,
    exchanger: (name: string) => ({
      exchange: name,
      host: '127.0.0.1',
      port: name === NAMES.newMx ? hosted.smtpPort : sourceSmtp.port,
    }),
    async close() {
      for (const close of closers.reverse()) await close().catch(() => undefined); // the others have to go, too
    },
  });
}

interface OldServer {
  readonly kind: World['source']['kind'];
  readonly port: number;
  close(): Promise<void>;
}

/** A real Dovecot where one is installed, else the embedded server. */
async function startSource(
  people: readonly Employee[],
  passwordsOf: World['passwordsOf'],
  tls: { key: string; cert: string },
): Promise<OldServer> {
  const users = people.map(({ address }) => ({ name: address, password: passwordsOf(address).source }));
  if (findDovecot() !== null) {
    const dovecot = await startDovecot({ users, tls });
    if (dovecot.tlsPort === null) throw new Error('Dovecot was started with TLS and has no port for it');
    return { kind: 'Dovecot', port: dovecot.tlsPort, close: () => dovecot.stop() };
  }
  const store = new MailStore();
  for (const { name, password } of users) store.addAccount(name, password);
  const server = await startImapServer({ store, security: 'tls', tls });
  return { kind: 'embedded IMAP server', port: server.port, close: () => server.close() };
}

function makeZone(): Zone {
  const zone = new Zone(DOMAIN);
  zone.negativeTtlSeconds = 2;
  zone.set(DOMAIN, 'MX', [`10 ${NAMES.oldMx}`], NAMES.ttlSeconds);
  zone.set(DOMAIN, 'TXT', ['v=spf1 mx -all'], NAMES.ttlSeconds);
  zone.set(NAMES.oldMx, 'A', ['127.0.0.1'], NAMES.ttlSeconds);
  zone.set(DOMAIN, 'NS', [`ns1.${DOMAIN}`, `ns2.${DOMAIN}`], NAMES.ttlSeconds);
  return zone;
}

/** Two servers at one port of two loopback addresses; one, where the system has no second loopback address. */
async function startNameServers(zone: Zone) {
  const first = await startDnsServer({ zone });
  zone.set(`ns1.${DOMAIN}`, 'A', [first.address], NAMES.ttlSeconds);
  const second = await startDnsServer({ zone, address: '127.0.0.2', port: first.port }).catch(() => null);
  if (second) zone.set(`ns2.${DOMAIN}`, 'A', [second.address], NAMES.ttlSeconds);
  else zone.set(DOMAIN, 'NS', [`ns1.${DOMAIN}`], NAMES.ttlSeconds);
  return [first, second] as const;
}

function ownersOf(people: readonly Employee[], recipient: string): string[] {
  const wanted = recipient.toLowerCase();
  return people
    .filter(({ address, aliases, lists }) =>
      [address, ...aliases, ...lists].some((each) => each.toLowerCase() === wanted),
    )
    .map(({ address }) => address);
}
