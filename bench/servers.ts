import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Dovecot, startDovecot } from '../lab/dovecot.ts';
import { type ImapEndpoint, withImap } from '../lab/imap-client.ts';
import { type MailShape, shapeMail } from './mail-shape.ts';
import { type Written, writeMaildir } from './maildir.ts';
import type { Passwords } from './product.ts';
import type { Route } from './tools/tool.ts';

/** Target mailboxes that nobody has used yet; accounts are made with the server, since a later one costs it a second. */
const TARGET_USERS = 500;

/** The ledger knows a target by host and user, and all our servers are one host to it: names differ from pair to pair. */
let pairs = 0;

/** Two Dovecots with the same settings, on disk. */
export interface Servers {
  readonly source: Dovecot;
  readonly target: Dovecot;
  readonly passwords: Passwords;
  /** Puts mail at the source under a name of its own, and has Dovecot index it, so that no contender pays for that. */
  addMail(user: string, shape: MailShape): Promise<Written>;
  /** From that user to a target that is new and empty. */
  newRoute(user: string, ports?: { source: number; target: number }): Route;
  /** Messages in all folders of a route's source and target, asked directly. */
  count(route: Route): Promise<{ source: number; target: number }>;
  /** At the servers themselves, whatever lies between. */
  direct(route: Route): { source: ImapEndpoint; target: ImapEndpoint };
  /** Gives the disk back. */
  discard(route: Route): void;
  stop(): Promise<void>;
}

/** @param fsync  false where only what comes after the copy is measured */
export async function startServers(folder: string, sourceUsers: readonly string[], fsync = true): Promise<Servers> {
  const passwords = { source: 'bench-source', target: 'bench-target' };
  pairs += 1;
  const targets = Array.from({ length: TARGET_USERS }, (_, at) => `target${pairs}-${at + 1}`);
  const start = (users: readonly string[], password: string) =>
    startDovecot({ users: users.map((name) => ({ name, password })), fsync });
  const [source, target] = await Promise.all([start(sourceUsers, passwords.source), start(targets, passwords.target)]);
  const direct = (route: Route) => ({
    source: { ...route.source, port: source.port },
    target: { ...route.target, port: target.port },
  });
  return {
    source,
    target,
    passwords,
    direct,
    async addMail(user, shape) {
      const written = writeMaildir(join(source.root, 'mail'), user, shapeMail(shape, user));
      await readAllOnce({ host: source.host, port: source.port, user, pass: passwords.source });
      return written;
    },
    newRoute(user, ports = { source: source.port, target: target.port }) {
      const name = targets.shift();
      if (name === undefined) throw new Error(`all ${TARGET_USERS} target mailboxes are used up`);
      const place = join(folder, name);
      mkdirSync(place, { recursive: true });
      return {
        source: { host: source.host, port: ports.source, user, pass: passwords.source },
        target: { host: target.host, port: ports.target, user: name, pass: passwords.target },
        targetConfig: join(target.root, 'dovecot.conf'),
        folder: place,
      };
    },
    async count(route) {
      const ends = direct(route);
      return { source: await countMessages(ends.source), target: await countMessages(ends.target) };
    },
    discard: ({ target: { user } }) => rmSync(join(target.root, 'mail', user), { recursive: true, force: true }),
    stop: async () => {
      await Promise.all([source.stop(), target.stop()]);
    },
  };
}

/** Messages in all folders, by STATUS. */
export async function countMessages(endpoint: ImapEndpoint): Promise<number> {
  return await withImap(endpoint, async (client) => {
    let count = 0;
    for (const { path, flags } of await client.list()) {
      if (flags.has('\\Noselect') || flags.has('\\NonExistent')) continue;
      const status = await client.status(path, { messages: true });
      count += status === false ? 0 : (status.messages ?? 0);
    }
    return count;
  });
}

async function readAllOnce(endpoint: ImapEndpoint): Promise<void> {
  await withImap(endpoint, async (client) => {
    for (const { path, flags } of await client.list()) {
      if (flags.has('\\Noselect') || flags.has('\\NonExistent')) continue;
      const { exists } = await client.mailboxOpen(path, { readOnly: true });
      const wanted = { uid: true, size: true, flags: true, internalDate: true, envelope: true };
      for await (const _ of exists > 0 ? client.fetch('1:*', wanted) : []);
    }
  });
}
