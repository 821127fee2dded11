import { describe, expect, test } from 'vitest';
import { judgeAnswers, longestTtl, wantedRecords, wantedSpf } from './dns.ts';
import type { PlannedDns } from './plan.ts';
import type { AuthoritativeAnswer } from './ports/dns.ts';

const dns: PlannedDns = {
  path: 'direct',
  mx: [{ exchange: 'mx.hosted.example.', preference: 0 }],
  filterMx: [{ exchange: 'filter.example', preference: 10 }],
  autodiscover: 'autodiscover.hosted.example',
  spfMechanism: 'include:spf.hosted.example',
  resolver: null,
  port: 53,
};

const answer = (records: string[], over: Partial<AuthoritativeAnswer> = {}): AuthoritativeAnswer => ({
  server: 'ns1.example',
  address: '192.0.2.1',
  outcome: 'ok',
  records,
  ttlSeconds: 300,
  soaSerial: 1,
  ...over,
});

const mx = (path: 'direct' | 'third-party-filter' = 'direct') => {
  const [first] = wantedRecords(dns, 'acme.example', path);
  if (!first) throw new Error('MX comes first');
  return first;
};

describe('MX', () => {
  test('is published when every answering server serves exactly the wanted set, whatever the case', () => {
    expect(judgeAnswers(mx(), [answer(['0 MX.hosted.example']), answer(['0 mx.hosted.example.'])]).publication).toBe(
      'authoritative',
    );
  });
  test('is partial while one server still has the old one, and names it', () => {
    const old = answer(['10 old.example'], { server: 'ns2.example' });
    const judged = judgeAnswers(mx(), [answer(['0 mx.hosted.example']), old]);
    expect(judged).toEqual({ publication: 'partial', dissenters: [old] });
  });
  test('is not right with an old record left behind at a higher number', () => {
    expect(judgeAnswers(mx(), [answer(['0 mx.hosted.example', '50 old.example'])]).publication).toBe('not-published');
  });
  test('is judged by the servers that answer; dead and lame ones are named', () => {
    const dead = answer([], { outcome: 'timeout', ttlSeconds: null });
    expect(judgeAnswers(mx(), [answer(['0 mx.hosted.example']), dead])).toEqual({
      publication: 'authoritative',
      dissenters: [dead],
    });
  });
  test('is not published when nobody answers', () => {
    expect(judgeAnswers(mx(), [answer([], { outcome: 'timeout' })]).publication).toBe('not-published');
  });
  test('has to stay at the filter behind a third-party filter', () => {
    expect(judgeAnswers(mx('third-party-filter'), [answer(['10 filter.example'])]).publication).toBe('authoritative');
    expect(judgeAnswers(mx('third-party-filter'), [answer(['0 mx.hosted.example'])]).publication).toBe('not-published');
  });
});

describe('SPF', () => {
  const spf = wantedSpf(dns, 'acme.example');
  test('is right as one record with the whole mechanism', () => {
    expect(spf.fits(['v=spf1 ip4:192.0.2.1 include:spf.hosted.example -all', 'some other text'])).toBe(true);
  });
  test('is wrong as two records, with part of the mechanism, or missing', () => {
    expect(spf.fits(['v=spf1 include:spf.hosted.example -all', 'v=spf1 -all'])).toBe(false);
    expect(spf.fits(['v=spf1 include:spf.hosted.example.evil.example -all'])).toBe(false);
    expect(spf.fits([])).toBe(false);
  });
});

test('the longest TTL of all answers rules the drain', () => {
  expect(
    longestTtl([answer([], { ttlSeconds: 60 }), answer([], { ttlSeconds: 3_600 }), answer([], { ttlSeconds: null })]),
  ).toBe(3_600);
});
