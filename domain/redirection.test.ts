import { describe, expect, test } from 'vitest';
import { chooseMeans, obstaclesOfForwards, planForwards } from './redirection.ts';
import { findLoop, type LoopFacts, refusedBy } from './redirection-loop.ts';

describe('the means', () => {
  const free = { relay: [], forwarding: [] };

  test('is the relay where it can be used, else forwarding, and what was asked for where it can', () => {
    expect(chooseMeans('auto', free)).toBe('relay');
    expect(chooseMeans('auto', { ...free, relay: ['no rights'] })).toBe('forwarding');
    expect(chooseMeans('forwarding', { ...free, relay: ['no rights'] })).toBe('forwarding');
  });

  test('is none where something stands in the way, and each is told', () => {
    const both = { relay: ['no rights'], forwarding: ['no routing domain'] };
    expect(() => chooseMeans('auto', both)).toThrow(/relay: no rights\. forwarding: no routing domain/);
    expect(() => chooseMeans('relay', { ...free, relay: ['a rule'] })).toThrow(/relay: a rule$/);
  });

  test('forwarding gives each mailbox an address of its own at the old server', () => {
    const two = planForwards(['Anna@a.test', 'anna@b.test'], 'old.test');
    expect(two[0]).toEqual({ mailbox: 'anna@a.test', to: 'anna@old.test' });
    expect(obstaclesOfForwards(two.slice(0, 1), 'old.test')).toEqual([]);
    expect(obstaclesOfForwards(two, 'old.test')).toEqual([
      'anna@a.test and anna@b.test would both forward to anna@old.test',
    ]);
    expect(obstaclesOfForwards([], null)).toHaveLength(1);
  });
});

describe('a loop', () => {
  const place = (host: string, address: string, port = 25) => ({ host, port, addresses: [address] });
  const facts: LoopFacts = {
    old: place('old.test', '192.0.2.1'),
    oldAnswer: { name: 'mail.old.test', recipients: [{ recipient: 'a@x.test', code: 250 }] },
    tenant: [place('mx.hosted.test', '192.0.2.9')],
    tenantName: 'mx.hosted.test',
  };

  test('is not seen where the old server is another one', () => {
    expect(findLoop(facts)).toBeNull();
    expect(findLoop({ ...facts, tenant: [place('mx.hosted.test', '192.0.2.1', 2525)] })).toBeNull();
  });

  test.each([
    ['the same host', { old: place('MX.hosted.test', '192.0.2.1') }],
    ['another name for the same address', { old: place('alias.test', '192.0.2.9') }],
    ['a server with the same name', { oldAnswer: { ...facts.oldAnswer, name: 'mx.hosted.test' } }],
    ['a server that sends mail on (251)', { oldAnswer: { name: '', recipients: [{ recipient: 'a', code: 251 }] } }],
    ['a server that names another (551)', { oldAnswer: { name: '', recipients: [{ recipient: 'a', code: 551 }] } }],
  ])('is seen by %s', (_what, change) => {
    expect(findLoop({ ...facts, ...change })).not.toBeNull();
  });

  test('is not guessed from a bare name', () => {
    expect(findLoop({ ...facts, oldAnswer: { ...facts.oldAnswer, name: 'mail' }, tenantName: 'mail' })).toBeNull();
  });

  test('is another thing than a refusal, and greylisting is none', () => {
    const codes = [250, 450, 451, 550, 551, 554].map((code) => ({ recipient: 'a', code }));
    expect(refusedBy({ name: '', recipients: codes }).map(({ code }) => code)).toEqual([550, 554]);
  });
});
