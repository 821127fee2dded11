import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { ImapServerOptions } from './options.ts';
import { ServerState } from './server-state.ts';
import { Session } from './session.ts';
import type { MailStore } from './store.ts';

export interface ImapLabServer {
  readonly host: string;
  readonly port: number;
  readonly store: MailStore;
  /** How often each command came (`UID FETCH` under that name), refused ones too. */
  readonly commandCounts: ReadonlyMap<string, number>;
  readonly connections: { readonly now: number; readonly peak: number; readonly ever: number };
  /** Cuts every connection and goes on listening. */
  dropConnections(): void;
  /** Cuts every connection and stops listening. Twice is the same as once. */
  close(): Promise<void>;
}

/**
 * An IMAP4rev1 server (RFC 3501) over an in-memory store, for the embedded world, as the IMAP front of the Exchange simulator and,
 * with hooks, as the hostile servers of the tests. It keeps every message byte for byte, NUL and bare LF included.
 * Rejects where the port is taken.
 */
export async function startImapServer(options: ImapServerOptions): Promise<ImapLabServer> {
  const state = new ServerState(options);
  const sockets = new Set<Socket>();
  const accept = (socket: Socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    // A client that vanishes is no failure of the server.
    socket.on('error', () => undefined);
    state.connections += 1;
    const session = new Session(state, socket, state.connections);
    state.sessions.add(session);
    state.peakConnections = Math.max(state.peakConnections, state.sessions.size);
    socket.on('close', () => {
      sockets.delete(socket);
      state.sessions.delete(session);
    });
    session.run().catch((error: unknown) => {
      session.cut();
      // A bug of ours: without this it would look like a lost connection.
      process.emitWarning(`IMAP lab session failed: ${error instanceof Error ? error.stack : String(error)}`);
    });
  };
  const server = options.security === 'tls' ? createTlsServer({ ...options.tls }, accept) : createServer(accept);
  const host = options.host ?? '127.0.0.1';
  await listen(server, options.port ?? 0, host);
  let closing: Promise<void> | null = null;
  return {
    host,
    port: (server.address() as AddressInfo).port, // a TCP listener's address is never a string
    store: options.store,
    commandCounts: state.commandCounts,
    get connections() {
      return { now: state.sessions.size, peak: state.peakConnections, ever: state.connections };
    },
    dropConnections: () => {
      for (const socket of sockets) socket.destroy();
    },
    close: () => {
      closing ??= new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      });
      return closing;
    },
  };
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      server.on('error', () => undefined);
      resolve();
    });
  });
}
