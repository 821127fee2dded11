import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Dovecot, startDovecot } from '../../lab/dovecot.ts';
import { type ImapEndpoint, withImap } from '../../lab/imap-client.ts';
import { type SeedMail, seedMailbox } from '../../lab/mail/seed.ts';

/** Two real servers, and the files by which a person plans a move from one to the other. */
export interface MailPair {
  readonly source: Dovecot;
  readonly target: Dovecot;
  endpoint(side: 'source' | 'target', user: string): ImapEndpoint;
  stop(): Promise<void>;
}

/** Both sides with the same users; the source with their mail, the target empty. */
export async function startMailPair(mails: Readonly<Record<string, readonly SeedMail[]>>): Promise<MailPair> {
  const usersOf = (side: 'source' | 'target') => {
    return Object.keys(mails).map((name) => ({ name, password: passwordOf(side, name) }));
  };
  const [source, target] = await Promise.all([
    startDovecot({ users: usersOf('source') }),
    startDovecot({ users: usersOf('target') }),
  ]);
  const endpoint = (side: 'source' | 'target', user: string): ImapEndpoint => ({
    host: '127.0.0.1',
    port: (side === 'source' ? source : target).port,
    user,
    pass: passwordOf(side, user),
  });
  for (const [user, all] of Object.entries(mails)) await seedMailbox(endpoint('source', user), all);
  return {
    source,
    target,
    endpoint,
    async stop() {
      await Promise.all([source.stop(), target.stop()]);
    },
  };
}

export interface PlanFiles {
  readonly plan: string;
  readonly mailboxes: string;
}

/**
 * Writes plan.yaml, a mailbox list as Excel saves it, and the files with the passwords.
 * @param policy  lines of `policy`, such as `quiet: 1s`
 */
export function writePlan(
  folder: string,
  client: string,
  ports: { source: number; target: number },
  users: readonly string[],
  policy: readonly string[],
  /** Connections that the target may have a mailbox: with one of them a copy is slow enough to be caught in the act. */
  maxConnections = 8,
): PlanFiles {
  mkdirSync(folder, { recursive: true });
  const endpoint = (port: number, pad: string) =>
    ['host: 127.0.0.1', `port: ${port}`, 'security: none', 'allowInsecure: true'].map((line) => pad + line).join('\n');
  const plan = join(folder, `${client}.yaml`);
  writeFileSync(
    plan,
    `client:
  id: ${client}
  name: Bäckerei Example
  domains: [example.test]
contacts:
  - {id: ada, name: Ada Example, email: ada@partner.example, codeEmail: ada.codes@elsewhere.example}
source:
${endpoint(ports.source, '  ')}
target:
  kind: imap
  imap:
${endpoint(ports.target, '    ')}
    maxConnections: ${maxConnections}
policy:
${policy.map((line) => `  ${line}`).join('\n')}
agreement: {text: All mail moves., agreedBy: Ada Example, agreedAt: 2026-01-01T00:00:00Z}
`,
  );
  return { plan, mailboxes: writeMailboxList(folder, client, users) };
}

/** With a byte order mark, semicolons and CRLF, as a spreadsheet does. */
export function writeMailboxList(folder: string, name: string, users: readonly string[]): string {
  const header = 'Address;Display name;Source user;Source secret;Target user;Target secret';
  const rows = users.map((user) => {
    const secrets = (['source', 'target'] as const).map((side) => {
      const file = join(folder, `${side}-${user}.secret`);
      writeFileSync(file, `${passwordOf(side, user)}\n`, { mode: 0o600 });
      return `file:${file}`;
    });
    return `${user}@example.test;"${user}, of Example";${user};${secrets[0]};${user};${secrets[1]}`;
  });
  const file = join(folder, `${name}.csv`);
  writeFileSync(file, `\ufeff${[header, ...rows].join('\r\n')}\r\n`);
  return file;
}

/**
 * What a mailbox holds, by a reader that shares nothing with the product: per folder each message with digest, INTERNALDATE and
 * flags, sorted, so that two equal mailboxes are two equal values and a double shows as one line too many.
 */
export async function readAll(endpoint: ImapEndpoint): Promise<Readonly<Record<string, readonly string[]>>> {
  return await withImap(endpoint, async (client) => {
    const folders: Record<string, readonly string[]> = {};
    for (const listed of await client.list()) {
      if (listed.flags.has('\\Noselect') || listed.flags.has('\\NonExistent')) continue;
      const { exists } = await client.mailboxOpen(listed.path, { readOnly: true });
      const lines: string[] = [];
      const wanted = { uid: true, source: true, flags: true, internalDate: true };
      for await (const message of exists > 0 ? client.fetch('1:*', wanted) : []) {
        const flags = [...(message.flags ?? [])].filter((flag) => flag !== '\\Recent').sort();
        const date = new Date(message.internalDate ?? 0).toISOString();
        const digest = createHash('sha256')
          .update(message.source ?? '')
          .digest('hex');
        lines.push(`${digest} ${date} ${flags.join(' ')}`);
      }
      folders[[...listed.parent, listed.name].join('/')] = lines.sort();
    }
    return folders;
  });
}

/** Messages in all folders, by STATUS. */
export async function countAll(endpoint: ImapEndpoint): Promise<number> {
  return await withImap(endpoint, async (client) => {
    let count = 0;
    for (const { path, flags } of await client.list()) {
      if (flags.has('\\Noselect')) continue;
      const status = await client.status(path, { messages: true });
      count += status === false ? 0 : (status.messages ?? 0);
    }
    return count;
  });
}

function passwordOf(side: string, user: string): string {
  return `${side}-${user}-pässwort`;
}
