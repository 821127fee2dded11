import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface TappedChunk {
  readonly line: string;
  readonly towards: 'client' | 'server';
  readonly bytes: Buffer;
}

/** Sees each piece before it is passed on. False: it is lost on the way. */
export type Tap = (chunk: TappedChunk) => boolean;

export interface TappedLine {
  readonly port: number;
  /** Resolves when neither side has a connection any more: a server that was told of the end has done what it had heard. */
  idle(): Promise<void>;
  close(): void;
}

/** A line that hands on what it hears, piece by piece as TCP brings it, and an end as an end. */
export async function startTappedLine(line: string, serverPort: number, tap: Tap): Promise<TappedLine> {
  const sockets = new Set<Socket>();
  let whenIdle = Promise.withResolvers<void>();
  const relay = createServer({ allowHalfOpen: true }, (client) => {
    const server = connect({ port: serverPort, host: '127.0.0.1', allowHalfOpen: true });
    if (sockets.size === 0) whenIdle = Promise.withResolvers();
    for (const [from, to, towards] of [
      [client, server, 'server'],
      [server, client, 'client'],
    ] as const) {
      sockets.add(from);
      from.setNoDelay(true);
      from.on('data', (bytes: Buffer) => {
        if (tap({ line, towards, bytes }) && !to.destroyed && !to.write(bytes)) {
          from.pause();
          to.once('drain', () => from.resume());
        }
      });
      from.on('end', () => to.end());
      from.on('error', () => to.end()); // a process that is killed with unread bytes leaves a reset
      from.on('close', () => {
        to.end();
        if (to === client) client.destroy();
        to.resume();
        sockets.delete(from);
        if (sockets.size === 0) whenIdle.resolve();
      });
    }
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  return {
    port: (relay.address() as AddressInfo).port, // a TCP listener's address is never a string
    async idle() {
      if (sockets.size > 0) await whenIdle.promise;
    },
    close() {
      relay.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
