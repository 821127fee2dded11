/** Provisioning (A3, A5, B1) against the lab's tenant, from the mailbox list to the read-back and back again. */
import { afterEach, describe, expect, test } from 'vitest';
import { hostedLimits } from '../../activities/hosted-limits.ts';
import { collect } from '../../domain/collect.ts';
import { severalSkus } from '../../lab/exchange/directory/licences.ts';
import type { Fault } from '../../lab/exchange/tenant.ts';
import { SeededRandom } from '../../lab/mail/random.ts';
import {
  DOMAIN,
  mailbox,
  newProvisioningWorld,
  type ProvisioningWorld,
  planRows,
} from '../support/provisioning-world.ts';

const migrationId = 'mig_1';
const at = (name: string) => `${name}@${DOMAIN}`;
let world: ProvisioningWorld;

afterEach(() => world.close());

const office = () => [
  mailbox('anna', { aliases: [at('a.one')], lists: [at('team')], addOns: ['archive', 'spam-filter'] }),
  mailbox('bert', { lists: [at('team')] }),
  mailbox('info', { kind: 'shared', aliases: [at('hello')], sendAs: [at('anna'), at('bert')] }),
];

describe('the way from list to tenant', () => {
  test('users, shared mailboxes, aliases, lists and rights are made and read back without a difference', async () => {
    world = await newProvisioningWorld(office(), { seats: 2 });
    expect(await world.provision()).toEqual({ without: [], lists: 0 });
    const { state } = world.tenant;
    expect([...state.mailboxes.values()].map(({ address, kind, aliases }) => [address, kind, aliases])).toEqual([
      [at('anna'), 'UserMailbox', [at('a.one')]],
      [at('bert'), 'UserMailbox', []],
      [at('info'), 'SharedMailbox', [at('hello')]],
    ]);
    expect(state.findList(at('team'))).toMatchObject({ members: [at('anna'), at('bert')], outsidersMayWrite: true });
    expect([...(state.findMailbox(at('info'))?.sendAs ?? [])]).toEqual([at('anna'), at('bert')]);
    expect(state.seatsTaken).toBe(2);
    await world.run((each) => each.enableAddOns({ migrationId }));
    expect(await world.run((each) => each.readBackAccounts({ migrationId }))).toMatchObject({ differences: 0 });
    const evidence = await world.store.findEvidence(migrationId, 'A3');
    expect(evidence?.body).toMatchObject({
      mailboxes: [
        {
          address: at('anna'),
          licences: ['ENTERPRISEPACK'],
          asked: { aliases: [at('a.one')], kind: 'user' },
          differences: [],
        },
        { address: at('bert') },
        { address: at('info'), kind: 'shared', sendAs: [at('anna'), at('bert')], asked: { kind: 'shared' } },
      ],
      lists: [{ address: at('team'), asked: [at('anna'), at('bert')], missing: [], differences: [] }],
    });
  });

  test('a second run changes nothing, and the plan says so', async () => {
    world = await newProvisioningWorld(office());
    await world.provision();
    await world.run((each) => each.enableAddOns({ migrationId }));
    const before = world.changes();
    expect(before).toBeGreaterThan(8);
    await world.provision();
    await world.run((each) => each.enableAddOns({ migrationId }));
    expect(world.changes()).toBe(before);
    expect([...(await planRows(world)).values()].map(({ verdict }) => verdict)).toEqual(Array(4).fill('adopt'));
  });

  test('a dry run changes nothing and names what would be done', async () => {
    world = await newProvisioningWorld(office(), { seats: 1 });
    const counts = await world.run((each) => each.planProvisioning({ migrationId }));
    expect(world.changes()).toBe(0);
    expect(counts).toEqual({ create: 3, adopt: 0, change: 0, conflict: 1, codes: { NO_SEAT: 1 } });
    expect((await planRows(world)).get(at('info'))).toMatchObject({
      verdict: 'create',
      changes: [
        'make a shared mailbox',
        `add the alias ${at('hello')}`,
        `let ${at('anna')} send as it`,
        `let ${at('bert')} send as it`,
      ],
    });
  });
});

describe('conflicts', () => {
  test('stop nobody else, are all named at once, and go on when they are mended', async () => {
    world = await newProvisioningWorld(
      [
        mailbox('anna', { lists: [at('team')] }),
        mailbox('taken', { lists: [at('team')] }),
        mailbox('poor', { licence: 'EXCHANGESTANDARD' }),
        mailbox('gone'),
        mailbox('info', { kind: 'shared', sendAs: [at('taken'), at('anna')] }),
        mailbox('odd', { aliases: ['x@other.test'] }),
      ],
      { skus: severalSkus({ enterprise: 9, plan1: 0 }) },
    );
    const { state } = world.tenant;
    state.unverifiedDomains.add('other.test');
    state.groups.push({ address: at('taken'), unified: true });
    world.tenant.addMailbox(at('gone'));
    const gone = state.findUser(at('gone'));
    if (gone) state.deleteUser(gone);

    const { without } = await world.provision();
    expect(without).toHaveLength(4);
    const rows = await planRows(world);
    const codes = (name: string) =>
      [rows.get(at(name))?.['conflicts'] ?? []].flat().map((one) => (one as { code: string }).code);
    expect(['anna', 'taken', 'poor', 'gone', 'info', 'odd'].map(codes)).toEqual([
      [],
      ['ADDRESS_TAKEN'],
      ['NO_SEAT'],
      ['SOFT_DELETED'],
      [],
      ['DOMAIN_NOT_VERIFIED'],
    ]);
    expect([...state.mailboxes.keys()]).toEqual([at('anna'), at('info')]);
    expect(state.findList(at('team'))?.members).toEqual([at('anna')]);
    expect([...state.users.keys()].toSorted()).toEqual([at('anna'), at('info')]);

    state.groups.splice(0);
    for (const sku of state.skus) sku.seats = 9;
    state.deletedUsers.splice(0);
    state.deletedMailboxes.splice(0);
    state.unverifiedDomains.delete('other.test');
    state.domains.set('other.test', 'Authoritative');
    expect(await world.provision()).toEqual({ without: [], lists: 0 });
    expect(state.mailboxes.size).toBe(6);
    expect(state.findList(at('team'))?.members).toEqual([at('anna'), at('taken')]);
  });

  test('a seat that goes while we work is one of them', async () => {
    world = await newProvisioningWorld([mailbox('anna'), mailbox('bert')], { seats: 2 });
    const { state } = world.tenant;
    // The last seat is bought away between the plan of the page and its work.
    world.tenant.fault = ({ name }) => {
      if (name === 'POST /v1.0/users' && state.users.has(at('anna'))) state.seats = 1;
      return null;
    };
    const { without } = await world.provision();
    expect(without).toHaveLength(1);
    expect([...state.mailboxes.keys()]).toEqual([at('anna')]);
  });
});

test('a difference is marked side by side, and not touched', async () => {
  world = await newProvisioningWorld([mailbox('anna', { displayName: 'Anna', lists: [at('team')] })]);
  world.tenant.addMailbox(at('anna'));
  world.tenant.state.lists.set(at('team'), {
    ...{ address: at('team'), name: 'team', displayName: 'team', outsidersMayWrite: false },
    members: [],
    sendAs: new Set(),
  });
  await world.provision();
  expect(await world.run((each) => each.readBackAccounts({ migrationId }))).toMatchObject({ differences: 2 });
  expect((await world.store.findEvidence(migrationId, 'A3'))?.body).toMatchObject({
    mailboxes: [{ name: 'anna', asked: { name: 'Anna' }, differences: ["is named 'anna', asked was 'Anna'"] }],
    lists: [{ differences: ['refuses senders outside the organisation'], missing: [] }],
  });
  expect(world.tenant.state.findUser(at('anna'))?.displayName).toBe('anna');
});

const KINDS: readonly Fault[] = [
  { status: 429, headers: { 'retry-after': '0.01' } },
  { status: 503 },
  { status: 503, afterEffect: true },
  { drop: true, afterEffect: true },
];

test('100 mailboxes with one call in a hundred going wrong end right', { timeout: 60_000 }, async () => {
  const names = Array.from({ length: 100 }, (_, n) => `user${n}`);
  const mailboxes = names.map((name, n) =>
    mailbox(name, {
      aliases: [at(`alias${n}`)],
      lists: [at(`list${n % 4}`)],
      ...(n % 10 === 9 && { kind: 'shared', sendAs: [at(`user${n - 1}`)] }),
    }),
  );
  world = await newProvisioningWorld(mailboxes, { seats: 90 });
  const seeded = new SeededRandom(4);
  const random = () => seeded.next();
  const fired = new Map<Fault, number>();
  world.tenant.fault = () => {
    if (random() >= 0.01) return null;
    const fault = KINDS[Math.floor(random() * KINDS.length)] ?? null;
    if (fault) fired.set(fault, (fired.get(fault) ?? 0) + 1);
    return fault;
  };
  expect(await world.provision()).toEqual({ without: [], lists: 0 });
  expect(await world.run((each) => each.readBackAccounts({ migrationId }))).toMatchObject({ differences: 0 });
  expect([...fired.keys()]).toHaveLength(KINDS.length);
  world.tenant.fault = null;
  const { state } = world.tenant;
  expect([state.users.size, state.mailboxes.size, state.lists.size, state.seatsTaken]).toEqual([100, 100, 4, 90]);
  for (const [n, name] of names.entries()) expect(state.findMailbox(at(`alias${n}`))?.address).toBe(at(name));
  expect([...state.lists.values()].map(({ members }) => new Set(members).size)).toEqual([25, 25, 25, 25]);
  expect(state.findMailbox(at('user19'))?.sendAs).toEqual(new Set([at('user18')]));
  // What was made is known for ours, though many an answer was lost.
  const made = await collect(world.provisioning.listMade(migrationId));
  const count = (kind: string) => made.filter((row) => row.kind === kind && row.state === 'made').length;
  expect(['user', 'shared-mailbox', 'licence', 'alias', 'list', 'member', 'send-as'].map(count)).toEqual([
    90, 10, 90, 100, 4, 100, 10,
  ]);
});

describe('before the import', () => {
  test("T24: the largest message is the tenant's own word, of the plan and then of the mailbox", async () => {
    world = await newProvisioningWorld([mailbox('anna')]);
    const { plan } = await world.store.getMigration(migrationId);
    const look = () => hostedLimits(world.admin, plan, at('anna'), new AbortController().signal);
    expect(await look()).toMatchObject({ messageBytes: 36 * 1_048_576, isAssumed: false });
    await world.provision();
    await world.run((each) => each.prepareImport({ migrationId }));
    expect(await look()).toMatchObject({ messageBytes: 150 * 1_048_576, isAssumed: false });
    world.tenant.fault = () => ({ status: 403, body: {} });
    expect(await look()).toMatchObject({ messageBytes: 35 * 1_048_576, isAssumed: true });
  });

  test('limits are raised and retention is held, what acts on mail is told, and all is put back', async () => {
    world = await newProvisioningWorld([mailbox('anna'), mailbox('bert')]);
    await world.provision();
    const { state } = world.tenant;
    const [anna, bert] = [state.findMailbox(at('anna')), state.findMailbox(at('bert'))];
    if (!anna || !bert) throw new Error('both are there');
    bert.retentionHold = true; // by the tenant itself: it is not ours to release
    anna.inboxRules.push({ name: 'away', enabled: true, forwardTo: ['x@else.test'], deletesMessage: false });
    anna.inboxRules.push({ name: 'sort', enabled: true, forwardTo: [], deletesMessage: false });
    const before = JSON.stringify([...state.mailboxes]);
    const counts = await world.run((each) => each.prepareImport({ migrationId }));
    expect(counts).toEqual({ raised: 2, held: 1, refused: 0, told: 1 });
    expect(anna).toMatchObject({ maxReceiveBytes: 157_286_400, maxSendBytes: 157_286_400, retentionHold: true });
    expect((await world.store.findEvidence(migrationId, 'B1'))?.body).toMatchObject({
      preparation: [
        { address: at('anna'), told: ["the rule 'away' sends mail on or deletes it"] },
        { address: at('bert') },
      ],
    });
    const changes = world.changes();
    await world.run((each) => each.prepareImport({ migrationId })); // the workflow may run it again
    expect(world.changes()).toBe(changes);
    expect(await world.run((each) => each.restoreSettings({ migrationId }))).toEqual({ restored: 5, left: 0 });
    expect(JSON.stringify([...state.mailboxes])).toBe(before);
    expect(await world.run((each) => each.restoreSettings({ migrationId }))).toEqual({ restored: 0, left: 0 });
  });

  test('what somebody set meanwhile stays', async () => {
    world = await newProvisioningWorld([mailbox('anna')]);
    await world.provision();
    await world.run((each) => each.prepareImport({ migrationId }));
    const anna = world.tenant.state.findMailbox(at('anna'));
    if (anna) anna.maxReceiveBytes = 75 * 1_048_576;
    expect(await world.run((each) => each.restoreSettings({ migrationId }))).toEqual({ restored: 2, left: 1 });
    expect(anna).toMatchObject({ maxReceiveBytes: 75 * 1_048_576, retentionHold: false });
  });

  test('a crash after the change does not forget what was there before', async () => {
    world = await newProvisioningWorld([mailbox('anna')]);
    await world.provision();
    let fired = 0;
    world.tenant.fault = ({ name }) =>
      name === 'Set-Mailbox' && fired++ === 0 ? { drop: true, afterEffect: true } : null;
    await world.run((each) => each.prepareImport({ migrationId }));
    expect(fired).toBeGreaterThan(1);
    expect(await world.run((each) => each.restoreSettings({ migrationId }))).toEqual({ restored: 3, left: 0 });
    expect(world.tenant.state.findMailbox(at('anna'))).toMatchObject({ maxReceiveBytes: 36 * 1_048_576 });
  });
});

describe('undo', () => {
  interface UndoRow {
    readonly kind: string;
    readonly address: string;
    readonly action: string;
    readonly why: string;
  }
  const undoRows = async (): Promise<readonly UndoRow[]> => {
    const report = await world.provisioning.findReport(migrationId, 'undo');
    if (report === null) throw new Error('nothing was undone');
    return (report.body as unknown as { rows: UndoRow[] }).rows; // as undoProvisioning writes it
  };

  test('takes back all that this migration made, and nothing else', async () => {
    world = await newProvisioningWorld([...office(), mailbox('old', { aliases: [at('older')], lists: [at('team')] })]);
    const { state } = world.tenant;
    world.tenant.addMailbox(at('old'));
    await world.provision();
    await world.run((each) => each.enableAddOns({ migrationId }));
    await world.run((each) => each.prepareImport({ migrationId }));
    const { left } = await world.run((each) => each.undoProvisioning({ migrationId }));
    expect(left).toBe(0);
    expect([...state.mailboxes.values()]).toMatchObject([
      { address: at('old'), aliases: [], maxReceiveBytes: 36 * 1_048_576, retentionHold: false },
    ]);
    expect([state.users.size, state.lists.size, state.seatsTaken]).toEqual([1, 0, 1]);
    expect([state.policies('HostedContentFilterRule').size, state.policies('HostedContentFilterPolicy').size]).toEqual([
      0, 0,
    ]);
    const changes = world.changes();
    expect(await world.run((each) => each.undoProvisioning({ migrationId }))).toEqual({ removed: 0, left: 0 });
    expect(world.changes()).toBe(changes);
  });

  test('leaves what is used, and says why', async () => {
    world = await newProvisioningWorld([
      mailbox('anna'),
      mailbox('bert', { lists: [at('team')] }),
      mailbox('cleo', { lists: [at('team')] }),
    ]);
    const { state, store } = world.tenant;
    await world.provision();
    store.findAccount(at('anna'))?.inbox.append({ raw: Buffer.from('Subject: new\r\n\r\nhello\r\n') });
    const bert = state.findUser(at('bert'));
    if (bert) bert.lastSignInAt = '2026-12-01T08:00:00Z';
    world.tenant.addMailbox(at('dora'));
    state.findList(at('team'))?.members.push(at('dora'));
    await world.run((each) => each.undoProvisioning({ migrationId }));
    expect([...state.mailboxes.keys()].toSorted()).toEqual([at('anna'), at('bert'), at('dora')]);
    expect(state.findList(at('team'))?.members).toEqual([at('bert'), at('dora')]);
    const why = (await undoRows())
      .filter(({ action }) => action === 'leave')
      .map((row) => [row.kind, row.address, row.why]);
    expect(why).toContainEqual(['user', at('anna'), 'it holds 1 messages, of which this migration brought 0']);
    expect(why).toContainEqual(['user', at('bert'), 'somebody signed in at 2026-12-01T08:00:00Z']);
    expect(why).toContainEqual(['list', at('team'), 'others have put 1 members into it']);
  });

  test('leaves a mailbox where it cannot be known whether anybody signed in', async () => {
    world = await newProvisioningWorld([mailbox('anna')]);
    await world.provision();
    world.tenant.fault = ({ query }) => (query.get('$select') === 'signInActivity' ? { status: 403, body: {} } : null);
    expect(await world.run((each) => each.undoProvisioning({ migrationId }))).toMatchObject({ removed: 0 });
    expect(world.tenant.state.mailboxes.size).toBe(1);
    expect((await undoRows())[0]?.why).toContain('AuditLog.Read.All');
  });

  test('leaves what somebody else made in the moment between our look and our call', async () => {
    world = await newProvisioningWorld([mailbox('anna', { lists: [at('team')] })]);
    const { lists } = world.tenant.state;
    const theirs = { address: at('team'), name: 'theirs', displayName: 'Theirs', outsidersMayWrite: true };
    world.tenant.fault = ({ name }) => {
      if (name === 'New-DistributionGroup') lists.set(at('team'), { ...theirs, members: [], sendAs: new Set() });
      return null;
    };
    await world.provision();
    expect(lists.get(at('team'))).toMatchObject({ name: 'theirs', members: [at('anna')] });
    await world.run((each) => each.undoProvisioning({ migrationId }));
    expect(lists.get(at('team'))).toMatchObject({ name: 'theirs', members: [] });
  });

  test('of a run that was cut short knows what it had made', async () => {
    world = await newProvisioningWorld([mailbox('anna', { aliases: [at('a.one')] })]);
    // The user is made, its answer is lost, and nobody can be asked any more: the worker is as good as dead.
    let made = false;
    world.tenant.fault = ({ name }) => {
      if (made) return { status: 403, body: {} };
      made = name === 'POST /v1.0/users';
      return made ? { drop: true, afterEffect: true } : null;
    };
    await expect(world.provision()).rejects.toMatchObject({ code: 'CONSENT_REVOKED' });
    expect(made).toBe(true);
    world.tenant.fault = null;
    await world.run((each) => each.undoProvisioning({ migrationId }));
    expect(world.tenant.state.users.size).toBe(0);
  });
});
