/** The probe against real name servers (NSD) that agree, disagree, are lame or dead, and against hostile replies. */
import { createSocket } from 'node:dgram';
import * as packet from 'dns-packet';
import { afterEach, describe, expect, test } from 'vitest';
import { createDnsProbe } from '../../adapters/dns/probe.ts';
import { judgeAnswers, longestTtl, wantedRecords, wantedSpf } from '../../domain/dns.ts';
import type { DnsView } from '../../domain/ports/dns.ts';
import { startDnsServer } from '../../lab/dns/server.ts';
import { Zone } from '../../lab/dns/zone.ts';
import { startNsd } from '../support/nsd.ts';

const signal = new AbortController().signal;
const probe = createDnsProbe();
const planned = {
  path: 'direct',
  mx: [{ exchange: 'mx.hosted.test', preference: 0 }],
  filterMx: [],
  autodiscover: 'autodiscover.hosted.test',
  spfMechanism: 'include:spf.hosted.test',
  resolver: null,
  port: 53,
} as const;

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

function zoneText(serial: number, records: string, servers = '127.0.0.61 127.0.0.62'): string {
  const names = servers.split(' ').map((address, index) => `@ IN NS ns${index + 1}\nns${index + 1} IN A ${address}`);
  return `$ORIGIN example.test.\n$TTL 30\n@ IN SOA ns1 hostmaster ${serial} 60 60 3600 7\n${names.join('\n')}\n${records}\n`;
}

const NEW = '@ 300 IN MX 0 MX.hosted.test.\nautodiscover 300 IN CNAME autodiscover.hosted.test.';
const OLD = '@ 3600 IN MX 10 mail.example.test.\nmail IN A 192.0.2.1';

/** Name servers of the zone at one port of several addresses; the first one also tells the delegation. */
async function serve(...zones: readonly (readonly [address: string, text: string])[]): Promise<DnsView> {
  let port = 0;
  for (const [address, text] of zones) {
    const nsd = await startNsd('example.test', text, address, port);
    stops.push(nsd.stop);
    port = nsd.port;
  }
  return { resolver: `${zones[0]?.[0]}:${port}`, port };
}

describe('name servers of the client', () => {
  test('that agree are all named with records, TTL and serial', async () => {
    const view = await serve(['127.0.0.61', zoneText(7, NEW)], ['127.0.0.62', zoneText(7, NEW)]);
    const answers = await probe.askAuthoritatives('example.test', 'MX', view, signal);
    const shared = { outcome: 'ok', records: ['0 mx.hosted.test'], ttlSeconds: 300, soaSerial: 7 };
    expect(answers).toEqual([
      { server: 'ns1.example.test', address: '127.0.0.61', ...shared },
      { server: 'ns2.example.test', address: '127.0.0.62', ...shared },
    ]);
    for (const wanted of wantedRecords(planned, 'example.test', 'direct')) {
      const { publication, dissenters } = judgeAnswers(
        wanted,
        await probe.askAuthoritatives(wanted.name, wanted.type, view, signal),
      );
      expect({ publication, dissenters }).toEqual({ publication: 'authoritative', dissenters: [] });
    }
  });

  test('of which one lags are a partial publication, and the one is named with its older serial', async () => {
    const view = await serve(['127.0.0.61', zoneText(8, NEW)], ['127.0.0.62', zoneText(7, OLD)]);
    const answers = await probe.askAuthoritatives('example.test', 'MX', view, signal);
    const [mx] = wantedRecords(planned, 'example.test', 'direct');
    const judged = mx && judgeAnswers(mx, answers);
    expect(judged?.publication).toBe('partial');
    expect(judged?.dissenters).toMatchObject([
      { server: 'ns2.example.test', records: ['10 mail.example.test'], soaSerial: 7 },
    ]);
    expect(longestTtl(answers)).toBe(3_600);
  });

  test('of which one is dead and one has no address are told apart, without a hang', async () => {
    const text = `${zoneText(7, NEW, '127.0.0.61 127.0.0.63')}@ IN NS ns9.example.test.\n`;
    const view = await serve(['127.0.0.61', text]);
    const start = performance.now();
    const answers = await probe.askAuthoritatives('example.test', 'MX', view, signal);
    expect(performance.now() - start).toBeLessThan(10_000);
    expect(answers.map(({ server, outcome }) => [server, outcome])).toEqual([
      ['ns1.example.test', 'ok'],
      ['ns2.example.test', 'timeout'],
      ['ns9.example.test', 'lame'],
    ]);
    const [mx] = wantedRecords(planned, 'example.test', 'direct');
    expect(mx && judgeAnswers(mx, answers)).toMatchObject({ publication: 'authoritative', dissenters: { length: 2 } });
  });

  test('of which one does not have the zone is refused there', async () => {
    const view = await serve(['127.0.0.61', zoneText(7, NEW)]);
    const other = await startNsd(
      'example.org',
      zoneText(1, '').replaceAll('example.test', 'example.org'),
      '127.0.0.62',
      view.port,
    );
    stops.push(other.stop);
    const answers = await probe.askAuthoritatives('example.test', 'MX', view, signal);
    expect(answers.map(({ outcome }) => outcome)).toEqual(['ok', 'refused']);
  });

  test('say that a name is absent, and for how long caches keep that', async () => {
    const view = await serve(['127.0.0.61', zoneText(7, OLD, '127.0.0.61')]);
    expect(await probe.askAuthoritatives('autodiscover.example.test', 'CNAME', view, signal)).toMatchObject([
      { outcome: 'no-such-name', records: [], ttlSeconds: 7, soaSerial: 7 },
    ]);
    expect(await probe.askAuthoritatives('mail.example.test', 'MX', view, signal)).toMatchObject([
      { outcome: 'ok', records: [], ttlSeconds: 7 },
    ]);
  });

  test('that cannot put a long text into a packet are asked again by TCP', async () => {
    const strings = Array.from({ length: 12 }, (_, index) => `"${'x'.repeat(240)}${index}"`).join(' ');
    const records = `@ IN TXT ${strings}\n@ IN TXT "v=spf1 include:spf.hosted" ".test -all"`;
    const view = await serve(['127.0.0.61', zoneText(7, records, '127.0.0.61')]);
    const answers = await probe.askAuthoritatives('example.test', 'TXT', view, signal);
    expect(answers[0]?.records.map(({ length }) => length)).toEqual([
      'v=spf1 include:spf.hosted.test -all'.length,
      2_894,
    ]);
    expect(judgeAnswers(wantedSpf(planned, 'example.test'), answers).publication).toBe('authoritative');
  });

  test('are all dead: DNS_UNREACHABLE', async () => {
    const zone = new Zone('example.test');
    zone.set('example.test', 'NS', ['ns1.example.test']);
    zone.set('ns1.example.test', 'A', ['127.0.0.99']);
    const server = await startDnsServer({ zone });
    stops.push(() => server.close());
    const view = { resolver: `127.0.0.1:${server.port}`, port: server.port };
    await expect(probe.askAuthoritatives('example.test', 'MX', view, signal)).rejects.toMatchObject({
      code: 'DNS_UNREACHABLE',
    });
  });
});

describe('the lab’s own name server', () => {
  test('answers as NSD does, byte counts and serials apart', async () => {
    const zone = new Zone('example.test');
    zone.set('example.test', 'NS', ['ns1.example.test'], 30);
    zone.set('ns1.example.test', 'A', ['127.0.0.1'], 30);
    zone.set('example.test', 'MX', ['20 b.hosted.test', '0 a.hosted.test'], 300);
    zone.set('example.test', 'TXT', ['v=spf1 -all', 'x'.repeat(3_000)], 60);
    zone.set('autodiscover.example.test', 'CNAME', ['autodiscover.hosted.test'], 60);
    const lab = await startDnsServer({ zone });
    stops.push(() => lab.close());
    const text = `${zoneText(1, '', '127.0.0.1')}@ 300 IN MX 20 b.hosted.test.\n@ 300 IN MX 0 a.hosted.test.
autodiscover 60 IN CNAME autodiscover.hosted.test.\n@ 60 IN TXT "v=spf1 -all"\n@ 60 IN TXT ${'x'
      .repeat(3_000)
      .match(/.{1,250}/g)
      ?.map((one) => `"${one}"`)
      .join(' ')}\n`;
    const real = await serve(['127.0.0.1', text]);
    const own = { resolver: `127.0.0.1:${lab.port}`, port: lab.port };
    for (const [name, type] of [
      ['example.test', 'MX'],
      ['example.test', 'TXT'],
      ['example.test', 'CNAME'],
      ['autodiscover.example.test', 'CNAME'],
      ['nobody.example.test', 'A'],
    ] as const) {
      const strip = (answers: Awaited<ReturnType<typeof probe.askAuthoritatives>>) =>
        answers.map(({ server, outcome, records }) => ({ server, outcome, records }));
      expect(strip(await probe.askAuthoritatives(name, type, own, signal))).toEqual(
        strip(await probe.askAuthoritatives(name, type, real, signal)),
      );
    }
    expect(await probe.findMx('example.test', own, signal)).toEqual([
      { preference: 0, exchange: 'a.hosted.test' },
      { preference: 20, exchange: 'b.hosted.test' },
    ]);
  });
});

describe('a hostile name server', () => {
  test('never makes the probe throw anything but DNS_UNREACHABLE, in 2,000 damaged replies', async () => {
    const zone = new Zone('example.test');
    zone.set('example.test', 'NS', ['ns1.example.test']);
    zone.set('ns1.example.test', 'A', ['127.0.0.1']);
    zone.set('example.test', 'MX', ['0 mx.hosted.test']);
    const honest = await startDnsServer({ zone });
    stops.push(() => honest.close());
    let sent = 0;
    // A small generator of our own, so that a failure comes again.
    let state = 42;
    const below = (limit: number) => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 8) % limit;
    };
    const socket = createSocket('udp4');
    socket.on('message', (message, from) => {
      const reply = packet.encode(zone.answer(packet.decode(message)));
      // The id stays, so that the damage is read; the flag for a cut answer stays off, so that nobody turns to TCP.
      for (let damaged = 1 + below(8); damaged > 0; damaged -= 1) reply[3 + below(reply.length - 3)] = below(256);
      sent += 1;
      socket.send(sent % 10 === 0 ? reply.subarray(0, 2 + below(reply.length - 2)) : reply, from.port, from.address);
    });
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    stops.push(() => new Promise((resolve) => socket.close(() => resolve())));
    const { port } = socket.address();
    const outcomes = new Set<string>();
    while (sent < 2_000) {
      try {
        const view = { resolver: `127.0.0.1:${honest.port}`, port };
        const answers = await probe.askAuthoritatives('example.test', 'MX', view, signal);
        for (const { outcome } of answers) outcomes.add(outcome);
        await probe.findMx('example.test', { resolver: `127.0.0.1:${port}`, port }, signal);
      } catch (error) {
        expect(error).toMatchObject({ code: 'DNS_UNREACHABLE' });
      }
    }
    expect(outcomes).toContain('ok'); // else the damage was never survivable and the reading never tried
  });

  test('that answers somebody else’s question is malformed', async () => {
    const zone = new Zone('example.test');
    zone.set('example.test', 'NS', ['ns1.example.test']);
    zone.set('ns1.example.test', 'A', ['127.0.0.1', '127.0.0.2']);
    zone.set('example.test', 'MX', ['0 mx.hosted.test']);
    const honest = await startDnsServer({ zone });
    stops.push(() => honest.close());
    const liar = createSocket('udp4');
    liar.on('message', (message, from) => {
      const { id } = packet.decode(message);
      const questions = [{ type: 'MX', name: 'example.org' }] as const;
      liar.send(
        packet.encode({ type: 'response', id: id ?? 0, flags: packet.AUTHORITATIVE_ANSWER, questions: [...questions] }),
        from.port,
        from.address,
      );
    });
    await new Promise<void>((resolve) => liar.bind(honest.port, '127.0.0.2', resolve));
    stops.push(() => new Promise((resolve) => liar.close(() => resolve())));
    const view = { resolver: `127.0.0.1:${honest.port}`, port: honest.port };
    expect((await probe.askAuthoritatives('example.test', 'MX', view, signal)).map(({ outcome }) => outcome)).toEqual([
      'ok',
      'malformed',
    ]);
  });
});

test('a caller who gives up gets the reason back at once', async () => {
  const caller = new AbortController();
  const view = { resolver: '127.0.0.98:9', port: 9 };
  const asking = probe.askAuthoritatives('example.test', 'MX', view, caller.signal);
  const reason = new Error('cancelled');
  caller.abort(reason);
  await expect(asking).rejects.toBe(reason);
  await expect(probe.findMx('example.test', view, caller.signal)).rejects.toBe(reason);
});
