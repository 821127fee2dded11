import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { startLine } from '../../bench/latency-proxy.ts';
import { endpointOf } from '../../bench/lines/any-servers.ts';
import { FOLDERS, shapeMail } from '../../bench/mail-shape.ts';
import { compareDigests } from '../../bench/mailbox-digest.ts';
import { readOptions } from '../../bench/options.ts';
import { cpuMsOfTrees, peakBytesOf } from '../../bench/process-stats.ts';
import { sharesOf } from '../../bench/profile.ts';
import { fillDocument, isReached } from '../../bench/render.ts';
import { ratiosOf, spreadOf } from '../../bench/spread.ts';

describe('the mail', () => {
  const shape = { messages: 500, bytes: 26_400_000 };

  test('is the same each time and as much as was asked for', () => {
    const first = [...shapeMail(shape)];
    const sum = first.reduce((bytes, { wireBytes }) => bytes + wireBytes, 0);
    expect(first).toHaveLength(500);
    expect(Math.abs(sum / shape.bytes - 1)).toBeLessThan(0.01);
    expect([...shapeMail(shape)].every(({ raw }, at) => raw.equals(first[at]?.raw ?? Buffer.alloc(0)))).toBe(true);
    expect(new Set(first.map(({ folder }) => folder))).toEqual(new Set(Object.keys(FOLDERS)));
  });

  test('tells the size that it has on the wire', () => {
    for (const { raw, wireBytes } of shapeMail({ messages: 20, bytes: 400_000 })) {
      expect(wireBytes).toBe(raw.toString('latin1').replaceAll('\n', '\r\n').length);
    }
  });

  test('has a median well below its mean, and the large ones that were named', () => {
    const sizes = [...shapeMail({ ...shape, large: [3_000_000] })].map(({ wireBytes }) => wireBytes);
    expect(spreadOf(sizes).median).toBeLessThan(30_000);
    expect(sizes.filter((size) => Math.abs(size - 3_000_000) < 100)).toHaveLength(1);
  });
});

describe('the figures', () => {
  test('a spread of an even number of runs has its median between the two in the middle', () => {
    expect(spreadOf([4, 1, 2, 3])).toEqual({ min: 1, median: 2.5, max: 4, runs: 4 });
  });

  test('ratios are formed round by round', () => {
    expect(ratiosOf([1, 4], [2, 1])).toEqual([0.5, 4]);
  });

  test('the median decides over times, the worst over mishaps', () => {
    const spread = { min: 0, median: 0, max: 1, runs: 3 };
    expect(isReached({ what: '', spread, unit: '×', limit: 0.5 })).toBe(true);
    expect(isReached({ what: '', spread, unit: '', limit: 0 })).toBe(false);
    expect(isReached({ what: '', spread, unit: '%', limit: null })).toBeNull();
  });

  test('messages lost and doubled are told apart', () => {
    const source = new Map([
      ['a', 2],
      ['b', 1],
    ]);
    expect(compareDigests(source, new Map([['a', 3]]))).toEqual({ lost: 1, doubled: 1 });
    expect(compareDigests(source, source)).toEqual({ lost: 0, doubled: 0 });
  });

  test('CPU and memory of this process are seen', () => {
    const before = cpuMsOfTrees([process.pid]);
    const used = process.cpuUsage();
    const usedMs = () => (process.cpuUsage(used).user + process.cpuUsage(used).system) / 1_000;
    while (usedMs() < 200);
    const seenMs = cpuMsOfTrees([process.pid]) - before;
    expect(Math.abs(seenMs - usedMs())).toBeLessThan(50); // two clocks, one of which ticks every 10 ms
    expect(peakBytesOf(process.pid)).toBeGreaterThan(10_000_000);
  });
});

test('a profile is summed by name, without what was waited', () => {
  const frame = (functionName: string) => ({ functionName, url: '', lineNumber: 0 });
  const nodes = ['parse', '(idle)', 'send', 'parse'].map((name, id) => ({ id, callFrame: frame(name) }));
  const profile = { nodes, samples: [0, 1, 2, 3], timeDeltas: [1_000, 9_000, 4_000, 2_000] };
  expect(sharesOf(profile, ({ functionName }) => functionName)).toEqual([
    { name: 'send', selfMs: 4 },
    { name: 'parse', selfMs: 3 },
  ]);
});

describe('the page', () => {
  test('what stands outside the markers stays', () => {
    const page = 'before\n<!-- bench:kill -->\nold\n<!-- /bench:kill -->\nafter\n';
    expect(fillDocument(page, { kill: 'new' })).toBe('before\n<!-- bench:kill -->\nnew\n<!-- /bench:kill -->\nafter\n');
    expect(() => fillDocument(page, { copy: 'new' })).toThrow('no place for copy');
  });
});

describe('the command line', () => {
  test('names what it does not know', () => {
    expect(() => readOptions(['--only', 'copy,speed'])).toThrow('speed is no line');
    expect(() => readOptions(['--runs', '0'])).toThrow('--runs: 0');
    expect(() => readOptions(['--source', 'imap://localhost'])).toThrow('belong together');
    expect(() => readOptions(['--smoke', '--write'])).toThrow('--smoke');
  });

  test('a URL says how the line is secured', () => {
    expect(endpointOf('imaps://mail.example', null)).toMatchObject({
      port: 993,
      security: 'tls',
      allowInsecure: false,
    });
    expect(endpointOf('imap://[::1]:1143', null)).toMatchObject({ port: 1143, security: 'none', allowInsecure: true });
    expect(endpointOf('imap+starttls://mail.example', null)).toMatchObject({ port: 143, security: 'starttls' });
    expect(() => endpointOf('https://mail.example', null)).toThrow('https://mail.example');
  });
});

describe('the delayed line', () => {
  test('every answer takes a round trip, and what is sent together arrives together', async () => {
    const server = createServer((socket) => socket.pipe(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const line = await startLine('127.0.0.1', typeof address === 'object' ? (address?.port ?? 0) : 0, 40);
    const socket = connect(line.port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      const begun = performance.now();
      let received = 0;
      const all = new Promise<void>((resolve) => {
        socket.on('data', (chunk) => {
          received += chunk.length;
          if (received === 1_000_000) resolve();
        });
      });
      for (let at = 0; at < 100; at += 1) socket.write(Buffer.alloc(10_000));
      await all;
      const tookMs = performance.now() - begun;
      expect(tookMs).toBeGreaterThanOrEqual(79);
      expect(tookMs).toBeLessThan(100 * 80); // one after the other would be this long
      expect(line.bytes()).toEqual({ up: 1_000_000, down: 1_000_000 });
    } finally {
      socket.destroy();
      line.close();
      server.close();
    }
  });
});
