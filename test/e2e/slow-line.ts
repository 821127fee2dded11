import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** A line to a server on which every answer takes its time, and can be kept back altogether. */
export interface SlowLine {
  readonly port: number;
  /** From now on requests reach the server and no answer comes back: whoever waits cannot know what happened. */
  stall(): void;
  release(): void;
  /** Open sockets of both sides: none when whoever used the line has given it up. */
  sockets(): number;
  close(): void;
}

export async function startSlowLine(serverPort: number, delayMs: number): Promise<SlowLine> {
  const sockets = new Set<Socket>();
  let open = Promise.withResolvers<void>();
  open.resolve();
  const server = createServer((near) => {
    const far = connect(serverPort, '127.0.0.1');
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      sockets.add(socket);
      socket.on('error', () => undefined); // either end may be killed: that is what this is for
      socket.on('close', () => sockets.delete(socket));
    }
    near.on('data', (chunk) => far.write(chunk));
    near.on('close', () => far.destroy());
    let tail = Promise.resolve();
    const inTurn = (work: () => void) => {
      tail = tail
        .then(() => delay(delayMs))
        .then(() => open.promise)
        .then(work);
    };
    far.on('data', (chunk) => inTurn(() => near.write(chunk)));
    far.on('close', () => inTurn(() => near.destroy()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    stall() {
      open = Promise.withResolvers();
    },
    release() {
      open.resolve();
    },
    sockets: () => sockets.size,
    close() {
      open.resolve();
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
