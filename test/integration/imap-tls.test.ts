import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ConnectionSecurity } from '../../domain/plan.ts';
import { type Authority, createAuthority } from '../../lab/authority.ts';
import { type ImapLabServer, startImapServer } from '../../lab/imap/server.ts';
import { MailStore } from '../../lab/imap/store.ts';
import { imapConnector, neverAborted, PASSWORD } from '../support/imap-accounts.ts';

describe('TLS', () => {
  const servers: ImapLabServer[] = [];
  let folder: string;
  let caFile: string;
  let authority: Authority;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'imap-tls-'));
    caFile = join(folder, 'ca.pem');
    authority = await createAuthority();
    await writeFile(caFile, authority.caPem);
  });
  afterAll(async () => {
    for (const server of servers) await server.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function open(security: 'tls' | 'starttls', names: readonly string[], ca: string | null) {
    const store = new MailStore();
    store.addAccount('ann', PASSWORD);
    const server = await startImapServer({ store, security, tls: await authority.issue(names) });
    servers.push(server);
    const endpoint = {
      host: '127.0.0.1',
      port: server.port,
      security: security satisfies ConnectionSecurity,
      allowInsecure: false,
      caFile: ca,
      maxConnections: 1,
    };
    const signIns = () => (server.commandCounts.get('LOGIN') ?? 0) + (server.commandCounts.get('AUTHENTICATE') ?? 0);
    return { opening: imapConnector.openSource({ endpoint, user: 'ann', secret: 'env:X' }, neverAborted), signIns };
  }

  test.each(['tls', 'starttls'] as const)(
    '%s with a known authority connects, and says that it is encrypted',
    async (security) => {
      const { opening } = await open(security, ['127.0.0.1'], caFile);
      const source = await opening;
      expect(source.facts.tls).toBe(true);
      await source.close();
    },
  );

  test.each(['tls', 'starttls'] as const)(
    '%s with an unknown authority is refused before any sign-in',
    async (security) => {
      const { opening, signIns } = await open(security, ['127.0.0.1'], null);
      await expect(opening).rejects.toMatchObject({ code: 'TLS_UNTRUSTED' });
      expect(signIns()).toBe(0);
    },
  );

  test.each(['tls', 'starttls'] as const)('%s with the certificate of another host is refused', async (security) => {
    const { opening, signIns } = await open(security, ['mail.example.test'], caFile);
    await expect(opening).rejects.toMatchObject({ code: 'TLS_UNTRUSTED' });
    expect(signIns()).toBe(0);
  });

  test.each(['tls', 'starttls'] as const)(
    '%s carries what goes through the write fence, and is cut by it',
    async (security) => {
      const store = new MailStore();
      const { inbox } = store.addAccount('ann', PASSWORD);
      const server = await startImapServer({ store, security, tls: await authority.issue(['127.0.0.1']) });
      servers.push(server);
      const { host, port } = server;
      const endpoint = { host, port, security, allowInsecure: false, caFile, maxConnections: 1 };
      let isOurs = true;
      const options = { mayWrite: () => isOurs };
      const account = { endpoint, user: 'ann', secret: 'env:X' } as const;
      const target = await imapConnector.openTarget(account, neverAborted, options);
      const folder = await target.ensureFolder(['INBOX'], 'inbox');
      const message = { raw: Buffer.alloc(3 << 20, '0123456789abcde\n'), flags: [], receivedAt: null };
      await target.append(folder, message);
      expect(inbox.messages.map(({ raw }) => raw.equals(message.raw))).toEqual([true]);
      isOurs = false;
      await expect(target.append(folder, message)).rejects.toMatchObject({ code: 'LEASE_LOST' });
      await target.close();
      expect(inbox.messages).toHaveLength(1);
    },
  );

  test('T52: a server with nothing newer than TLS 1.1 is refused in so many words', async () => {
    const { key, cert } = await authority.issue(['127.0.0.1']);
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    const server = createServer({ key, cert, ...old });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo; // a TCP listener's address is never a string
    const endpoint = {
      host: '127.0.0.1',
      port,
      security: 'tls',
      allowInsecure: false,
      caFile,
      maxConnections: 1,
    } as const;
    const opening = imapConnector.openSource({ endpoint, user: 'ann', secret: 'env:X' }, neverAborted);
    await expect(opening).rejects.toMatchObject({ code: 'TLS_TOO_OLD', message: expect.stringContaining('TLS 1.2') });
    server.close();
  });

  test('names an authority file that cannot be read', async () => {
    const { opening } = await open('tls', ['127.0.0.1'], join(folder, 'missing.pem'));
    await expect(opening).rejects.toMatchObject({ code: 'TLS_UNTRUSTED' });
  });
});
