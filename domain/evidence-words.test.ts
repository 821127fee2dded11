import { describe, expect, test } from 'vitest';
import { describeEvidence } from './evidence-words.ts';

const answer = (server: string, records: string[], outcome = 'ok') => ({
  server,
  address: '192.0.2.1',
  outcome,
  records,
  ttlSeconds: 300,
  soaSerial: 7,
});

describe('the evidence of a step in one line', () => {
  test('tells what name servers answer and how many of them', () => {
    const record = {
      name: 'example.test',
      type: 'MX',
      wanted: '0 mx.hosted.test',
      answers: [answer('ns1', ['0 mx.hosted.test']), answer('ns2', ['0 mx.hosted.test']), answer('ns3', [], 'timeout')],
    };
    expect(describeEvidence('A7', { records: [record] })).toBe('example.test MX 0 mx.hosted.test on 2 servers');
  });

  test('shows that servers disagree', () => {
    const record = { name: 'example.test', type: 'MX', answers: [answer('ns1', ['0 new']), answer('ns2', ['10 old'])] };
    expect(describeEvidence('C1', { records: [record] })).toBe('example.test MX 0 new or 10 old on 2 servers');
  });

  test('names what differs at the tenant, and says so when nothing does', () => {
    const mailbox = { address: 'a@example.test', aliases: ['b@example.test'], differences: [] };
    expect(describeEvidence('A3', { mailboxes: [mailbox], lists: [] })).toBe(
      '1 mailbox, 1 alias, 0 lists, all as asked for',
    );
    const wrong = { ...mailbox, differences: ['alias c@example.test is missing'] };
    const list = { address: 'all@example.test', members: [], missing: ['a@example.test'] };
    expect(describeEvidence('A3', { mailboxes: [wrong], lists: [list] })).toBe(
      '1 mailbox, 1 alias, 1 list; a@example.test: alias c@example.test is missing; a@example.test is not in all@example.test',
    );
    const closed = { ...list, missing: [], differences: ['refuses senders outside the organisation'] };
    expect(describeEvidence('A3', { mailboxes: [mailbox], lists: [closed] })).toContain(
      'all@example.test: refuses senders outside',
    );
  });

  test('tells what was made ready at the tenant before the import', () => {
    const told = ["the rule 'away' sends mail on or deletes it"];
    expect(describeEvidence('B1', { preparation: [{ address: 'a@example.test', changed: [], told }] })).toBe(
      "1 mailbox made ready for the import; a@example.test: the rule 'away' sends mail on or deletes it",
    );
    const prepared = { raised: 2, held: 1, refused: 0, told: 1 };
    expect(describeEvidence('B1', { pass: 'initial-1', moved: 3, prepared })).toBe(
      'initial-1 moved 3 messages; size limits raised on 2 mailboxes, retention held on 1, 1 with forwarding, rules or blocked senders',
    );
  });

  test('tells which way mail goes and where the probe came out', () => {
    const redirection = [{ domain: 'example.test', smartHost: 'old.example.test:25' }];
    const probe = { token: 'x', mailboxId: 'm', arrivedAt: 'source', absentAt: null };
    expect(describeEvidence('A6', { redirection, probe })).toBe(
      'example.test goes on to old.example.test:25; a probe message arrived at the source',
    );
    const forwarding = [{ domain: 'example.test', means: 'forwarding', smartHost: null, forwards: 2, left: [] }];
    expect(describeEvidence('A6', { redirection: forwarding, probe: { ...probe, alsoAt: 'target' } })).toBe(
      'example.test: 2 mailboxes forward with a copy; a probe message arrived at the source and at the target',
    );
    const off = { redirection: [{ domain: 'example.test', smartHost: null }] };
    expect(describeEvidence('C2', { ...off, probe: { ...probe, arrivedAt: 'target', absentAt: 'source' } })).toBe(
      'example.test is delivered directly; a probe message arrived at the target and not at the source',
    );
  });

  test('counts in the singular and the plural', () => {
    expect(describeEvidence('B1', { pass: 'initial-1', moved: 1 })).toBe('initial-1 moved 1 message');
    expect(describeEvidence('C5', { movedByFinalPasses: 3, emptyInARow: 2 })).toBe(
      'final passes moved 3 messages, then 2 in a row found nothing',
    );
    const mailboxes = [{ addOns: ['archive', 'activesync'] }, { addOns: ['archive'] }];
    expect(describeEvidence('A5', { mailboxes })).toBe('archive on 2 mailboxes, activesync on 1 mailbox');
  });

  test('tells a shape that it does not know field by field', () => {
    expect(describeEvidence('B3', { what: 'limits of IMAP', by: 'dana', at: null })).toBe(
      'what: limits of IMAP; by: dana; at: –',
    );
    expect(describeEvidence('C7', { statementOf: 'x' })).toBe('statement of: x');
    expect(describeEvidence('A7', 'text')).toBe('text');
  });
});
