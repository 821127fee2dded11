import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { askServer } from '../../adapters/dns/transport.ts';

const PLACES = ['/usr/sbin/nsd', '/usr/local/sbin/nsd', '/opt/homebrew/sbin/nsd'];
const START_LIMIT_MS = 10_000;

export interface Nsd {
  readonly address: string;
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * A real authoritative server (NSD, Debian package `nsd`) with one zone, unprivileged and in a folder of its own.
 * @param zoneText the zone file; its SOA comes with it
 * @throws where NSD is missing: the suite fails then, and says which package it wants
 */
export async function startNsd(origin: string, zoneText: string, address: string, wantedPort = 0): Promise<Nsd> {
  const program = PLACES.find(existsSync);
  if (program === undefined) throw new Error('NSD is missing; install the package nsd (npm test does so as root)');
  const port = wantedPort === 0 ? await freePort(address) : wantedPort;
  const folder = await mkdtemp(join(tmpdir(), 'mailferry-nsd-'));
  const file = (name: string) => join(folder, name);
  await writeFile(file('zone'), zoneText);
  await writeFile(
    file('nsd.conf'),
    `server:
  ip-address: ${address}@${port}
  server-count: 1
  username: ""
  chroot: ""
  database: ""
  zonesdir: "${folder}"
  zonelistfile: "${file('zones.list')}"
  xfrdfile: "${file('xfrd.state')}"
  xfrdir: "${folder}"
  pidfile: "${file('pid')}"
  logfile: "${file('log')}"
remote-control:
  control-enable: no
zone:
  name: "${origin}"
  zonefile: "zone"
`,
  );
  const child = spawn(program, ['-d', '-c', file('nsd.conf')], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  const limit = Date.now() + START_LIMIT_MS;
  const query = { name: origin, type: 'SOA', recursion: false } as const;
  while (child.exitCode === null && Date.now() < limit) {
    const reply = await askServer({ address, port }, query, AbortSignal.timeout(500)).catch(() => null);
    if (reply?.flag_aa) return { address, port, stop };
    await delay(20);
  }
  const log = await readFile(file('log'), 'utf8').catch(() => 'no log');
  await stop();
  throw new Error(`NSD does not answer: ${log.split('\n').slice(-8).join('\n')}`);
}

/** Free for TCP; the same number is then as good as surely free for UDP. */
function freePort(address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, address, () => {
      const bound = server.address();
      server.close(() => resolve(typeof bound === 'object' && bound !== null ? bound.port : 0));
    });
  });
}
