import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

  test('names an authority file that cannot be read', async () => {
    const { opening } = await open('tls', ['127.0.0.1'], join(folder, 'missing.pem'));
    await expect(opening).rejects.toMatchObject({ code: 'TLS_UNTRUSTED' });
  });
});
