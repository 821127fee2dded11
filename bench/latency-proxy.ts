/**
 * A line to a server on which each byte takes its time, in both directions, while any number are under way: a pipeline loses
 * nothing, whoever waits for an answer loses a round trip. Throughput has no limit. A process of its own, so that it takes no
 * time from whom it delays:
 *
 *     node bench/latency-proxy.ts --to 127.0.0.1:143 --latency 20
 *
 * prints one line of JSON, `{"port":…}`, and ends when its standard input does. Latency is one way, in ms.
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { parseArgs } from 'node:util';

export interface Line {
  readonly port: number;
  /** Bytes so far: up goes to the server, down comes from it. */
  bytes(): { up: number; down: number };
  close(): void;
}

/** As above, in this process. */
export async function startLine(host: string, port: number, latencyMs: number): Promise<Line> {
  const sockets = new Set<Socket>();
  const bytes = { up: 0, down: 0 };
  const server = createServer((near) => {
    const far = connect(port, host);
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      sockets.add(socket);
      socket.on('error', () => undefined); // either end may go at any time; `close` passes it on
      socket.on('close', () => sockets.delete(socket));
    }
    carry(near, far, latencyMs, (count) => {
      bytes.up += count;
    });
    carry(far, near, latencyMs, (count) => {
      bytes.down += count;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    bytes: () => ({ ...bytes }),
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Bytes that may be under way on one connection; more holds the sender back, as a full window would. */
const UNDER_WAY = 64 * 1024 * 1024;

function carry(from: Socket, to: Socket, latencyMs: number, count: (bytes: number) => void): void {
  let underWay = 0;
  const later = (work: () => void) => {
    // Timers of one length fire in the order in which they were set, so nothing overtakes.
    if (latencyMs > 0) setTimeout(work, latencyMs);
    else work();
  };
  from.on('data', (chunk) => {
    count(chunk.length);
    underWay += chunk.length;
    if (underWay > UNDER_WAY) from.pause();
    later(() => {
      if (to.destroyed) return;
      to.write(chunk, () => {
        underWay -= chunk.length;
        if (underWay <= UNDER_WAY) from.resume();
      });
    });
  });
  from.on('end', () => later(() => to.end()));
  from.on('close', (hadError) => later(() => (hadError ? to.destroy() : to.end())));
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { to: { type: 'string' }, latency: { type: 'string', default: '0' } } });
  const [host, port] = (values.to ?? '').split(':');
  const line = await startLine(host ?? '', Number(port), Number(values.latency));
  process.stdout.write(`${JSON.stringify({ port: line.port })}\n`);
  process.stdin.on('end', () => process.exit(0)).resume();
}
