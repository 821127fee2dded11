/** T63: retention of the tenant moves or deletes imported old mail. */
import { afterEach, expect, test } from 'vitest';
import { createGraphMailConnector, type GraphRoute } from '../../adapters/graph/mail-connector.ts';
import { createTokenPool } from '../../adapters/graph/token-pool.ts';
import { collect } from '../../domain/collect.ts';
import { ERRORS } from '../../domain/errors.ts';
import type { Message } from '../../domain/mail.ts';
import type { MailTarget } from '../../domain/ports/mail.ts';
import { createRoutedTarget } from '../../domain/routed-target.ts';
import { verifyMailbox } from '../../domain/verify-mailbox.ts';
import { busyMessage } from '../../lab/exchange/ews/busy.ts';
import type { HostedTenant } from '../../lab/exchange/tenant.ts';
import { CopyFromMemory } from '../support/copy-from-memory.ts';
import { EwsWorld, OWNER } from '../support/ews-world.ts';
import { ExchangeLab } from '../support/exchange-imap.ts';
import { ADDRESS, GraphMailbox } from '../support/graph-mailbox.ts';
import { mailWith } from '../support/graph-world.ts';
import { DELTA, INITIAL } from '../support/memory-world.ts';

class GraphCopy extends CopyFromMemory {
  readonly mailbox: GraphMailbox;
  readonly #route: GraphRoute;

  constructor(mailbox: GraphMailbox, route: GraphRoute) {
    super();
    this.mailbox = mailbox;
    this.#route = route;
  }

  async open(): Promise<MailTarget> {
    return await this.mailbox.open(this.#route, { timeoutMs: 20_000 });
  }
}

interface World {
  readonly copying: CopyFromMemory;
  readonly tenant: HostedTenant;
  readonly address: string;
}

let close: () => Promise<void> = async () => undefined;
afterEach(() => close());

const YEARS_AGO = '2014-03-01T10:11:12Z';
const RECENT = '2026-11-20T10:00:00Z';
const OLD = ['old one', 'old two', 'old three'];

/** Half of the mail is old. */
async function open(route: GraphRoute | 'ews' | 'imap', hasArchive = true): Promise<World> {
  // A clock that stands, so that what is old does not depend on the day of the test.
  const now = () => Date.parse('2026-11-26T12:00:00Z');
  let world: World;
  if (route === 'imap') {
    const copying = await ExchangeLab.start({ tenant: { now } });
    close = () => copying.close();
    world = { copying, tenant: copying.tenant, address: OWNER };
  } else if (route === 'ews') {
    const copying = await EwsWorld.start({ now });
    close = () => copying.close();
    world = { copying, tenant: copying.tenant, address: OWNER };
  } else {
    const mailbox = await GraphMailbox.start();
    close = () => mailbox.close();
    world = { copying: new GraphCopy(mailbox, route), tenant: mailbox.tenant, address: ADDRESS };
  }
  mailboxOf(world).archive = hasArchive;
  const { source } = world.copying;
  for (const subject of OLD.slice(0, 2)) source.addMessage(['INBOX'], mailWith(subject), ['\\Seen'], YEARS_AGO);
  source.addMessage(['Akten', '2014'], mailWith('old three'), [], YEARS_AGO);
  for (const subject of ['new one', 'new two']) source.addMessage(['INBOX'], mailWith(subject), [], RECENT);
  source.addMessage(['Akten', '2026'], mailWith('new three'), ['\\Seen'], RECENT);
  return world;
}

function mailboxOf({ tenant, address }: World) {
  const mailbox = tenant.state.mailboxes.get(address);
  if (mailbox === undefined) throw new Error('the tenant has no such mailbox');
  return mailbox;
}

const POLICY = { olderThanDays: 730 } as const;
const hasSubject = (subject: string) => (message: Pick<Message, 'raw'>) => message.raw.includes(`Subject: ${subject}`);

async function named({ copying }: World): Promise<readonly string[]> {
  const deviations = await collect(copying.ledger.listDeviations('mbx-1'));
  // importMime makes up dates; what it says of them is no part of this.
  return deviations
    .filter(({ code }) => code !== 'DATE_MOVED')
    .map(({ code, targetPath, detail }) => `${code} ${targetPath.join('/')}: ${detail}`)
    .toSorted();
}

const DELETED = [
  'MOVED_BY_POLICY Akten/2014: It lies in Deletions of Recoverable Items.',
  'MOVED_BY_POLICY INBOX: It lies in Deletions of Recoverable Items.',
  'MOVED_BY_POLICY INBOX: It lies in Deletions of Recoverable Items.',
];
const ARCHIVED = [
  'MOVED_BY_POLICY Akten/2014: It lies in "Akten/2014" of the archive.',
  'MOVED_BY_POLICY INBOX: It lies in "INBOX" of the archive.',
  'MOVED_BY_POLICY INBOX: It lies in "INBOX" of the archive.',
];

const ROUTES = ['graph-json', 'import-mime', 'ews'] as const;

test.each(ROUTES)('T63: by %s, mail that a policy deletes is found in Recoverable Items', async (route) => {
  const world = await open(route);
  await world.copying.copy();
  expect(world.tenant.runRetention({ ...POLICY, action: 'DeleteAndAllowRecovery' })).toBe(3);
  expect(await world.copying.verify()).toMatchObject({ lost: 0, movedByPolicy: 3, faults: 0 });
  expect(await named(world)).toEqual(DELETED);
  expect(await world.copying.copy({}, DELTA)).toMatchObject({ moved: 0 });
  expect(await world.copying.verify(DELTA)).toMatchObject({ faults: 0 });
});

test.each(ROUTES)('T63: by %s, mail that a policy archives is found in the archive', async (route) => {
  const world = await open(route);
  world.tenant.graph.showsArchive = true;
  await world.copying.copy();
  expect(world.tenant.runRetention({ ...POLICY, action: 'MoveToArchive' })).toBe(3);
  expect(await world.copying.verify()).toMatchObject({ lost: 0, movedByPolicy: 3, faults: 0 });
  expect((await named(world)).map((line) => line.replace('"Inbox"', '"INBOX"'))).toEqual(ARCHIVED);
  expect(await world.copying.copy({}, DELTA)).toMatchObject({ moved: 0 });
});

test.each(ROUTES)('T63: by %s, what is really lost stays lost and comes again, alone', async (route) => {
  const world = await open(route);
  await world.copying.copy();
  world.tenant.runRetention({ ...POLICY, action: 'DeleteAndAllowRecovery', only: hasSubject('old one') });
  const { inbox } = world.tenant.store.findAccount(world.address) ?? {};
  inbox?.expunge(inbox.messages.filter(hasSubject('old two')).map(({ uid }) => uid));
  expect(await world.copying.verify()).toMatchObject({ lost: 1, movedByPolicy: 1, faults: 1 });
  expect(await world.copying.copy({}, DELTA)).toMatchObject({ moved: 1 });
  expect(inbox?.messages.map(({ raw }) => /^Subject: (.*)$/m.exec(raw.toString())?.[1]?.trim())).toEqual([
    'new one',
    'new two',
    'old two',
  ]);
});

test.each(['graph-json', 'ews'] as const)('T63: by %s, retention that is held moves nothing', async (route) => {
  const world = await open(route);
  mailboxOf(world).retentionHold = true;
  await world.copying.copy();
  expect(world.tenant.runRetention({ ...POLICY, action: 'DeleteAndAllowRecovery' })).toBe(0);
  expect(await world.copying.verify()).toMatchObject({ lost: 0, movedByPolicy: 0, faults: 0 });
  mailboxOf(world).retentionHold = false;
  expect(world.tenant.runRetention({ ...POLICY, action: 'DeleteAndAllowRecovery' })).toBe(3);
});

test('T63: where Graph does not show the archive, archived mail counts as lost, and the remedy says where to look', async () => {
  const world = await open('graph-json');
  await world.copying.copy();
  world.tenant.runRetention({ ...POLICY, action: 'MoveToArchive' });
  const asked: string[] = [];
  world.tenant.fault = ({ path }) => {
    if (/archivemsgfolderroot/i.test(path)) asked.push(path);
    return null;
  };
  expect(await world.copying.verify()).toMatchObject({ lost: 3, movedByPolicy: 0, faults: 3 });
  expect(asked).toHaveLength(1);
  expect(ERRORS.MESSAGE_LOST.remedy).toContain('look in its archive');
});

test('T63: one folder of the archive that cannot be read does not hide the others', async () => {
  const world = await open('graph-json');
  world.tenant.graph.showsArchive = true;
  await world.copying.copy();
  world.tenant.runRetention({ ...POLICY, action: 'MoveToArchive' });
  let isInArchive = false;
  let refused = 0;
  world.tenant.fault = ({ name, path }) => {
    isInArchive ||= path.includes('archivemsgfolderroot');
    if (!isInArchive || refused > 0 || !name.endsWith('/mailFolders/{id}/messages')) return null;
    refused += 1;
    return { status: 404, body: '{"error":{"code":"ErrorItemNotFound","message":"It lies elsewhere."}}' };
  };
  expect(await world.copying.verify()).toMatchObject({ lost: 2, movedByPolicy: 1 });
  expect(refused).toBe(1);
});

test('T63: a mailbox without an archive has none to look into', async () => {
  const world = await open('ews', false);
  await world.copying.copy();
  expect(world.tenant.runRetention({ ...POLICY, action: 'MoveToArchive' })).toBe(0);
  world.tenant.runRetention({ ...POLICY, action: 'DeleteAndAllowRecovery', only: hasSubject('old three') });
  const { inbox } = world.tenant.store.findAccount(world.address) ?? {};
  inbox?.expunge(inbox.messages.filter(hasSubject('old two')).map(({ uid }) => uid));
  expect(await world.copying.verify()).toMatchObject({ lost: 1, movedByPolicy: 1, faults: 1 });
});

const UNAVAILABLE = busyMessage('GetFolder', 0);

test.each([
  ['by a cut connection', { drop: true }, 'CONNECTION_LOST'],
  [
    'by a word of the store',
    { ...UNAVAILABLE, body: String(UNAVAILABLE.body).replaceAll('ErrorServerBusy', 'ErrorMailboxStoreUnavailable') },
    'SERVER_BUSY',
  ],
])('T63: a look that fails in passing, %s, is no loss', async (_how, fault, code) => {
  const world = await open('ews');
  await world.copying.copy();
  world.tenant.runRetention({ ...POLICY, action: 'DeleteAndAllowRecovery' });
  let looks = 0;
  world.tenant.fault = ({ name, body }) => {
    if (name !== 'GetFolder' || !body.includes('recoverableitemsdeletions')) return null;
    looks += 1;
    return fault;
  };
  await expect(world.copying.verify()).rejects.toMatchObject({ code });
  expect(looks).toBe(1);
  expect(await named(world)).toEqual([]);
});

test('T63: of mail that went by IMAP, which shows no such place, Graph beside it tells where it lies', async () => {
  const world = await open('imap');
  const { copying, tenant } = world;
  if (!(copying instanceof ExchangeLab)) throw new Error('another world was opened');
  await copying.copy();
  tenant.runRetention({ ...POLICY, action: 'DeleteAndAllowRecovery' });
  expect(await copying.verify()).toMatchObject({ lost: 3, movedByPolicy: 0 });

  const { application } = copying.mailAccount();
  if (!application) throw new Error('the account has no application');
  const now = () => Date.parse('2026-11-26T12:00:00Z');
  const tokens = createTokenPool({ secrets: { resolve: async () => 'lab-secret' }, now });
  const graph = createGraphMailConnector({ tokens, timeoutMs: 20_000, now });
  const endpoint = { ...application, clientId: tenant.clientId };
  const offer = { maxMessageBytes: null, keepsSignatures: true } as const;
  const target = createRoutedTarget(await copying.open(), { ...offer, route: 'imap', fidelity: 'bytes' }, [
    {
      offer: { ...offer, route: 'graph-json', fidelity: 'parts' },
      open: () => graph.openTarget(endpoint, OWNER, 'graph-json', new AbortController().signal),
      sameUids: true,
    },
  ]);
  const lease = await copying.ledger.takeLease('mbx-1', 'verifier');
  const openSource = async () => ({ source: copying.source.openSource(), close: async () => undefined });
  const input = { target, ledger: copying.ledger, lease, mailboxId: 'mbx-1', pass: INITIAL, openSource };
  const report = await verifyMailbox(input).finally(() => target.close());
  expect(report).toMatchObject({ lost: 0, movedByPolicy: 3, faults: 0 });
  expect(await named(world)).toEqual(DELETED);
  expect(await copying.copy({}, DELTA)).toMatchObject({ moved: 0 });
});
