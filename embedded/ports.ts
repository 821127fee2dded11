/**
 * Which port an embedded part listens on: the one that the user insists on, else the one of last time, else the usual one,
 * else any free one. Remembered in the data folder, so that bookmarks and other processes find the part again.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { MigrationError } from '../domain/errors.ts';

export interface PortWish {
  /** Key in the memory file: `postgres`. */
  readonly name: string;
  /** For the message: `MAILFERRY_PG_PORT`. */
  readonly variable: string;
  readonly usual: number;
  /** What the user insists on; null: we choose. */
  readonly explicit: number | null;
}

/**
 * @param memory  JSON file with the ports of last time.
 * @throws PORT_IN_USE only where the user insisted on a port.
 */
export async function choosePort(wish: PortWish, memory: string): Promise<number> {
  if (wish.explicit !== null) {
    if (await isFree(wish.explicit)) return wish.explicit;
    throw portInUse(wish.explicit, wish.variable);
  }
  const known = readMemory(memory);
  for (const candidate of [known[wish.name], wish.usual]) {
    if (candidate !== undefined && (await isFree(candidate))) return remember(candidate);
  }
  return remember(await findFreePort());

  function remember(port: number): number {
    writeFileSync(memory, JSON.stringify({ ...readMemory(memory), [wish.name]: port }));
    return port;
  }
}

export function portInUse(port: number, variable: string): MigrationError {
  return new MigrationError('PORT_IN_USE', `Port ${port} (${variable}) is in use.`, { facts: { port, variable } });
}

export async function findFreePort(): Promise<number> {
  return (await tryListen(0)) ?? Promise.reject(new MigrationError('PORT_IN_USE', 'The system has no free port left'));
}

export async function isFree(port: number): Promise<boolean> {
  return (await tryListen(port)) !== null;
}

function tryListen(port: number): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(null);
      else reject(error);
    });
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : null));
    });
  });
}

function readMemory(file: string): Record<string, number> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, number>;
  } catch {
    return {}; // first start, or a file cut short: the usual ports do
  }
}
