import { once } from 'node:events';
import { fstatSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { DelayLine } from './delay-line.ts';

export interface TcpProxyOptions {
  target: { host: string; port: number };
  /** 0, the default, takes a free one. */
  port?: number;
  /** One way, in each direction: a round trip takes twice as long. */
  latencyMs?: number;
  /** Of each direction of each connection. */
  bytesPerSecond?: number;
  /** What each direction of a connection may hold before the sender has to wait; 16 MiB by default. */
  holdsBytes?: number;
  /** Ends a connection once it has carried exactly so many bytes that way. */
  cutAfterBytes?: { toTarget?: number; toClient?: number };
  /** Cuts and drops are resets (RST) at both ends; otherwise both see an end of the stream. */
  reset?: boolean;
  /** How many connections are cut, the first ones; all by default. */
  maxCuts?: number;
}

/** What has happened so far, so that a test can tell that its fault has fired. */
export interface TcpProxyCounters {
  readonly accepted: number;
  /** Connections to the target that failed; the client's was reset. */
  readonly unreachable: number;
  /** Ended by `cutAfterBytes`. */
  readonly cut: number;
  /** Ended by `dropAll`. */
  readonly dropped: number;
  readonly bytesToTarget: number;
  readonly bytesToClient: number;
  /** Bytes that wait, at this moment, for their time or for the end of a blackhole. */
  readonly heldBytes: number;
}

export interface TcpProxy {
  readonly host: string;
  readonly port: number;
  readonly counters: TcpProxyCounters;
  /** From now on nothing passes in either direction and nobody is told; new connections are taken and hear nothing. */
  blackhole(): void;
  /** Refuses new connections (ECONNREFUSED); those that are open live on. */
  refuse(): void;
  /** Ends a blackhole, with all that was held on its way, and a refusal, on the same port. */
  heal(): Promise<void>;
  /** Ends every open connection. */
  dropAll(): void;
  /** Twice is the same as once. */
  close(): Promise<void>;
}

interface Pair {
  readonly sockets: readonly [client: Socket, server: Socket];
  readonly lines: readonly DelayLine[];
  ended: boolean;
}

const HOST = '127.0.0.1';

/**
 * A line to a server that is far away, narrow or unreliable. The latency is a queue, so it bounds no throughput; measured on two
 * busy cores, a round trip at 20 ms each way took 40 to 41 ms.
 */
export async function startTcpProxy(options: TcpProxyOptions): Promise<TcpProxy> {
  const counts = { accepted: 0, unreachable: 0, cut: 0, dropped: 0, bytesToTarget: 0, bytesToClient: 0 };
  const pairs = new Set<Pair>();
  let blackholed = false;

  const end = (pair: Pair) => {
    pair.ended = true;
    for (const line of pair.lines) line.stop();
    for (const socket of pair.sockets) {
      if (options.reset === true) socket.resetAndDestroy();
      else socket.end(() => socket.destroy());
    }
  };
  const accept = (client: Socket) => {
    counts.accepted += 1;
    const server = connect({ ...options.target, allowHalfOpen: true });
    const line = (from: Socket, to: Socket, bytes: 'bytesToTarget' | 'bytesToClient', cutAfterBytes?: number) =>
      new DelayLine(from, to, {
        latencyMs: options.latencyMs ?? 0,
        bytesPerSecond: options.bytesPerSecond,
        holdsBytes: options.holdsBytes,
        cutAfterBytes: counts.cut < (options.maxCuts ?? Number.POSITIVE_INFINITY) ? cutAfterBytes : undefined,
        onBytes: (count) => {
          counts[bytes] += count;
        },
        onCut: () => {
          counts.cut += 1;
          end(pair);
        },
      });
    const lines = [
      line(client, server, 'bytesToTarget', options.cutAfterBytes?.toTarget),
      line(server, client, 'bytesToClient', options.cutAfterBytes?.toClient),
    ];
    const pair: Pair = { sockets: [client, server], lines, ended: false };
    pairs.add(pair);
    if (blackholed) for (const each of lines) each.block();
    let connected = false;
    server.once('connect', () => {
      connected = true;
    });
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      socket.setNoDelay(true);
      socket.on('error', () => {
        if (socket === server && !connected) counts.unreachable += 1;
        // A crash of one side is seen as one by the other.
        for (const each of lines) each.stop();
        other.resetAndDestroy();
      });
      socket.on('close', () => {
        if (client.destroyed && server.destroyed) pairs.delete(pair);
      });
    }
  };

  const server = createServer({ allowHalfOpen: true }, accept);
  const port = await listen(server, options.port ?? 0);
  return {
    host: HOST,
    port,
    get counters() {
      const lines = [...pairs].flatMap((pair) => pair.lines);
      return { ...counts, heldBytes: lines.reduce((sum, line) => sum + line.heldBytes, 0) };
    },
    blackhole() {
      blackholed = true;
      for (const { lines } of pairs) for (const line of lines) line.block();
    },
    refuse() {
      server.close(); // the listening socket goes at once, connections stay
    },
    async heal() {
      blackholed = false;
      for (const { lines } of pairs) for (const line of lines) line.open();
      if (!server.listening) await listen(server, port);
    },
    dropAll() {
      const open = [...pairs].filter((pair) => !pair.ended);
      counts.dropped += open.length;
      for (const pair of open) end(pair);
    },
    async close() {
      for (const pair of pairs) {
        for (const line of pair.lines) line.stop();
        for (const socket of pair.sockets) socket.destroy();
      }
      if (!server.listening) return;
      server.close();
      await once(server, 'close');
    },
  };
}

async function listen(server: Server, port: number): Promise<number> {
  server.listen(port, HOST);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port; // a TCP listener's address is never a string
}

/**
 * As a process of its own, so that a benchmark does not share its event loop:
 * `node lab/tcp-proxy.ts --listen 0 --to 127.0.0.1:143 --latency 20 [--rate BYTES]` prints `{"host","port"}`. Where its standard
 * input is a pipe it takes `blackhole`, `heal`, `refuse`, `dropAll` and `counters`, a line each, answers each with the counters,
 * and ends when the pipe does.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      listen: { type: 'string', default: '0' },
      to: { type: 'string' },
      latency: { type: 'string', default: '0' },
      rate: { type: 'string' },
    },
  });
  const target = /^(.+):(\d+)$/.exec(values.to ?? '');
  if (target === null) throw new Error('--to takes HOST:PORT');
  const proxy = await startTcpProxy({
    target: { host: target[1] ?? '', port: Number(target[2]) },
    port: Number(values.listen),
    latencyMs: Number(values.latency),
    ...(values.rate !== undefined && { bytesPerSecond: Number(values.rate) }),
  });
  console.log(JSON.stringify({ host: proxy.host, port: proxy.port }));
  const input = fstatSync(0);
  if (!input.isFIFO() && !input.isSocket()) return; // started from a shell: it runs until it is ended
  const orders: Readonly<Record<string, () => unknown>> = {
    blackhole: () => proxy.blackhole(),
    heal: () => proxy.heal(),
    refuse: () => proxy.refuse(),
    dropAll: () => proxy.dropAll(),
    counters: () => undefined,
  };
  for await (const line of createInterface(process.stdin)) {
    await orders[line.trim()]?.();
    console.log(JSON.stringify(proxy.counters));
  }
  await proxy.close();
}

if (import.meta.main) await main();
