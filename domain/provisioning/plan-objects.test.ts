import { describe, expect, test } from 'vitest';
import type { PlannedMailbox } from '../plan.ts';
import type { FoundHolder, TenantFacts } from './found.ts';
import { planList, planMailboxes } from './plan-objects.ts';

const facts: TenantFacts = {
  licences: [
    { partNumber: 'EXCHANGESTANDARD', freeSeats: 2 },
    { partNumber: 'ENTERPRISEPACK', freeSeats: 1 },
  ],
  domains: [
    { name: 'example.test', verified: true },
    { name: 'new.test', verified: false },
  ],
  deleted: [],
};

function mailbox(name: string, fields: Partial<PlannedMailbox> = {}): PlannedMailbox {
  const address = name.includes('@') ? name : `${name}@example.test`;
  return {
    address,
    displayName: name,
    sourceUser: name,
    sourceSecret: 'env:A',
    targetUser: address,
    targetSecret: 'env:B',
    aliases: [],
    lists: [],
    addOns: [],
    ...fields,
  };
}

function holder(name: string, fields: Partial<FoundHolder> = {}): FoundHolder {
  return {
    kind: 'user-mailbox',
    primary: `${name}@example.test`,
    displayName: name,
    aliases: [],
    blocked: false,
    licences: ['EXCHANGESTANDARD'],
    sendAs: [],
    ...fields,
  };
}

function plan(mailboxes: PlannedMailbox[], found: FoundHolder[] = [], changed: Partial<TenantFacts> = {}) {
  const holders = new Map(found.flatMap((one) => [one.primary, ...one.aliases].map((address) => [address, one])));
  return planMailboxes({ mailboxes, facts: { ...facts, ...changed }, holders });
}

const codes = (rows: ReturnType<typeof plan>) => rows.map(({ conflicts }) => conflicts.map(({ code }) => code).join());

describe('a mailbox', () => {
  test('that is not there is made, with all that belongs to it, in order', () => {
    const [row] = plan([
      mailbox('anna', { aliases: ['Info@example.test'], sendAs: ['bert@example.test'] }),
      mailbox('bert'),
    ]);
    expect(row).toEqual({
      object: 'mailbox',
      address: 'anna@example.test',
      verdict: 'create',
      changes: [
        'make a user',
        'give the licence EXCHANGESTANDARD',
        'add the alias info@example.test',
        'let bert@example.test send as it',
      ],
      conflicts: [],
      differences: [],
      licence: 'EXCHANGESTANDARD',
    });
  });

  test('that fits is taken over; what lacks is added; what differs is told and not touched', () => {
    const rows = plan(
      [
        mailbox('anna'),
        mailbox('bert', { aliases: ['b@example.test'] }),
        mailbox('cleo', { licence: 'ENTERPRISEPACK' }),
      ],
      [holder('anna'), holder('bert', { displayName: 'Bertram' }), holder('cleo')],
    );
    expect(rows.map(({ verdict }) => verdict)).toEqual(['adopt', 'change', 'adopt']);
    expect(rows[1]?.changes).toEqual(['add the alias b@example.test']);
    expect(rows[1]?.differences).toEqual(["is named 'Bertram', asked was 'bert'"]);
    expect(rows[2]?.differences).toEqual(['has the licence EXCHANGESTANDARD, asked was ENTERPRISEPACK']);
  });

  test('of a user without a licence gets one', () => {
    const [row] = plan([mailbox('anna')], [holder('anna', { kind: 'user', licences: [] })]);
    expect(row).toMatchObject({ verdict: 'change', changes: ['give the licence EXCHANGESTANDARD'] });
  });

  test('that is shared takes no seat', () => {
    const rows = plan([mailbox('info', { kind: 'shared' })], [], { licences: [] });
    expect(rows[0]).toMatchObject({ verdict: 'create', changes: ['make a shared mailbox'], licence: null });
  });
});

test('seats are dealt out in the order of the list, of the licence that was asked for', () => {
  const rows = plan([
    mailbox('a', { licence: 'ENTERPRISEPACK' }),
    mailbox('b', { licence: 'enterprisepack' }),
    mailbox('c'),
    mailbox('d'),
    mailbox('e'),
    mailbox('f', { licence: 'VISIO' }),
  ]);
  expect(rows.map(({ licence }) => licence)).toEqual([
    'ENTERPRISEPACK',
    null,
    'EXCHANGESTANDARD',
    'EXCHANGESTANDARD',
    null,
    null,
  ]);
  expect(codes(rows)).toEqual(['', 'NO_SEAT', '', '', 'NO_SEAT', 'LICENCE_UNKNOWN']);
});

test('who has a conflict takes no seat from the others', () => {
  const licences = [{ partNumber: 'EXCHANGESTANDARD', freeSeats: 1 }];
  const rows = plan([mailbox('a', { aliases: ['x@else.test'] }), mailbox('b')], [], { licences });
  expect(codes(rows)).toEqual(['DOMAIN_NOT_VERIFIED', '']);
});

describe('a conflict', () => {
  test.each<[string, PlannedMailbox, FoundHolder[], Partial<TenantFacts>, string]>([
    [
      'an alias of another mailbox',
      mailbox('anna'),
      [holder('bert', { aliases: ['anna@example.test'] })],
      {},
      'ADDRESS_TAKEN',
    ],
    ['a list', mailbox('anna'), [holder('anna', { kind: 'list' })], {}, 'ADDRESS_TAKEN'],
    ['a group', mailbox('anna'), [holder('anna', { kind: 'group' })], {}, 'ADDRESS_TAKEN'],
    ['a contact', mailbox('anna'), [holder('anna', { kind: 'contact' })], {}, 'ADDRESS_TAKEN'],
    ['an alias that another has', mailbox('anna', { aliases: ['x@example.test'] }), [holder('x')], {}, 'ADDRESS_TAKEN'],
    ['a domain that is not verified', mailbox('anna@new.test'), [], {}, 'DOMAIN_NOT_VERIFIED'],
    ['a foreign domain', mailbox('anna@else.test'), [], {}, 'DOMAIN_NOT_VERIFIED'],
    ['a name that Exchange refuses', mailbox('a&b@example.test'), [], {}, 'NAME_ILLEGAL'],
    ['a deleted mailbox', mailbox('anna'), [], { deleted: ['Anna@example.test'] }, 'SOFT_DELETED'],
    [
      'a deleted mailbox at an alias',
      mailbox('a', { aliases: ['x@example.test'] }),
      [],
      { deleted: ['x@example.test'] },
      'SOFT_DELETED',
    ],
    [
      'a shared one where a user is asked for',
      mailbox('anna'),
      [holder('anna', { kind: 'shared-mailbox' })],
      {},
      'OTHER_KIND',
    ],
    ['a user where a shared one is asked for', mailbox('anna', { kind: 'shared' }), [holder('anna')], {}, 'OTHER_KIND'],
    ['a blocked user', mailbox('anna'), [holder('anna', { blocked: true })], {}, 'USER_BLOCKED'],
    ['a sender who is nobody', mailbox('anna', { sendAs: ['x@example.test'] }), [], {}, 'SENDER_MISSING'],
    ['its own address as alias', mailbox('anna', { aliases: ['Anna@example.test'] }), [], {}, 'ALIAS_DOUBLED'],
  ])('is %s; it is named and nothing is planned', (_case, planned, found, changed, code) => {
    const [row] = plan([planned], found, changed);
    expect(row?.conflicts.map((one) => one.code)).toEqual([code]);
    expect(row).toMatchObject({ verdict: 'conflict', changes: [], licence: null });
    expect(row?.conflicts[0]?.text).toMatch(/\.$/);
  });

  test('is an alias that two of the list ask for, at both', () => {
    const x = ['x@example.test'];
    expect(codes(plan([mailbox('a', { aliases: x }), mailbox('b', { aliases: x }), mailbox('c')]))).toEqual([
      'ALIAS_DOUBLED',
      'ALIAS_DOUBLED',
      '',
    ]);
  });
});

describe('a list', () => {
  const look = (list: Parameters<typeof planList>[2]['list'], found: FoundHolder | null) =>
    planList('Team@example.test', ['Anna@example.test', 'bert@example.test'], { list, holder: found }, facts);

  test('is made with its members, or gets those that lack', () => {
    expect(look(null, null)).toMatchObject({ verdict: 'create', changes: { length: 3 } });
    const list = { address: 'team@example.test', members: ['anna@example.test'], takesOutsiders: false };
    expect(look(list, holder('team', { kind: 'list' }))).toMatchObject({
      verdict: 'change',
      changes: ['add the member bert@example.test'],
      differences: ['refuses senders outside the organisation'],
    });
  });

  test('on the address of a mailbox is a conflict', () => {
    expect(look(null, holder('team'))).toMatchObject({ verdict: 'conflict', conflicts: [{ code: 'ADDRESS_TAKEN' }] });
  });
});
