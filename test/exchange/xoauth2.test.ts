import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTokenPool } from '../../adapters/graph/token-pool.ts';
import { createImapConnector } from '../../adapters/imap/connector.ts';
import { collect } from '../../domain/collect.ts';
import { ERRORS } from '../../domain/errors.ts';
import type { AdminEndpoint } from '../../domain/plan.ts';
import type { MailAccount } from '../../domain/ports/mail.ts';
import { type Authority, createAuthority } from '../../lab/authority.ts';
import type { Application } from '../../lab/exchange/identity/application.ts';
import { type HostedTenant, startHostedTenant } from '../../lab/exchange/tenant.ts';
import { EXCHANGE_CAPABILITIES } from '../../lab/imap/options.ts';
import { type ImapLabServer, startImapServer } from '../../lab/imap/server.ts';

const ANN = 'ann@harbour.test';
const SHARED = 'info@harbour.test';

let authority: Authority;
let folder: string;
let caFile: string;
let tenant: HostedTenant;
let server: ImapLabServer;
let clock: number;
let application: Application;

beforeAll(async () => {
  authority = await createAuthority();
  folder = await mkdtemp(join(tmpdir(), 'mailferry-xoauth2-'));
  caFile = join(folder, 'ca.pem');
  await writeFile(caFile, authority.caPem);
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  clock = 1_000_000_000_000;
  tenant = await startHostedTenant({ authority, domains: ['harbour.test'], readyAfterMs: 0, now: () => clock });
  tenant.addMailbox(ANN);
  tenant.addMailbox(SHARED);
  application = tenant.access.register({ clientId: 'transfer', secrets: ['secret'], roles: ['IMAP.AccessAsApp'] });
  tenant.access.mailboxes.allowImap(application, ANN);
  server = await startImap();
});
afterEach(async () => {
  await server.close();
  await tenant.close();
});

/** The tenant's mailboxes over IMAP, which takes tokens as Exchange Online does. */
async function startImap(capabilities: readonly string[] = EXCHANGE_CAPABILITIES): Promise<ImapLabServer> {
  return await startImapServer({
    store: tenant.store,
    capabilities,
    security: 'tls',
    tls: await authority.issue(['127.0.0.1']),
    authenticateToken: (user, token) => {
      const answer = tenant.mayOpenByImap(token, user);
      if (answer.verdict === 'ok') return { user: answer.mailbox };
      const refused = 'NO AUTHENTICATE failed.';
      return { reply: answer.verdict === 'auth-failed' ? refused : 'NO User is authenticated but not connected.' };
    },
  });
}

function account(user = ANN, more: Partial<MailAccount['endpoint']> = {}): MailAccount {
  const { host, port } = server;
  const transfer: AdminEndpoint = {
    baseUrl: `${tenant.baseUrl}v1.0/`,
    tenantId: tenant.tenantId,
    clientId: 'transfer',
    clientSecret: 'env:SECRET',
    tokenUrl: tenant.tokenUrl,
    caFile,
  };
  const endpoint = { host, port, security: 'tls', allowInsecure: false, caFile, maxConnections: 2 } as const;
  return { endpoint: { ...endpoint, auth: 'xoauth2', ...more }, user, secret: 'env:PASSWORD', application: transfer };
}

/** A process of its own: with its own tokens, and its memory of refusals. */
function newProcess() {
  const refused: string[] = [];
  const secrets = { resolve: async () => 'secret' };
  const connector = createImapConnector(secrets, {
    tokens: createTokenPool({ secrets, now: () => clock }),
    signIns: {
      isRefused: async () => false,
      recordRefused: async (name) => void refused.push(name),
      forget: async () => undefined,
    },
  });
  const open = async (mailAccount = account()) => {
    return await connector.openTarget(mailAccount, new AbortController().signal);
  };
  return { open, refused };
}

describe('signing in with a token', () => {
  test('opens the mailbox, and one token does for many connections', async () => {
    const { open } = newProcess();
    const before = tenant.access.given;
    const targets = await Promise.all([open(), open()]);
    for (const target of targets) {
      expect((await collect(target.listFolders())).map(({ path }) => path[0])).toContain('INBOX');
      await target.close();
    }
    expect(tenant.access.given - before).toBe(1);
  });

  test('T62: opens a shared mailbox by its own address, with no account and no password', async () => {
    tenant.access.mailboxes.allowImap(application, SHARED);
    const target = await newProcess().open(account(SHARED));
    const inbox = await target.ensureFolder(['INBOX'], 'inbox');
    await target.append(inbox, { raw: Buffer.from('Subject: x\r\n\r\nx\r\n'), flags: [], receivedAt: null });
    expect(tenant.store.findAccount(SHARED)?.inbox.messages).toHaveLength(1);
    await target.close();
  });

  test('T57: a token that has ended meanwhile is replaced, and the next connection opens', async () => {
    const { open } = newProcess();
    await (await open()).close();
    // Its life at the server is over sooner than it was said to be.
    clock += 10 * 60_000;
    tenant.access.revokeTokens();
    const before = tenant.access.given;
    await (await open()).close();
    expect(tenant.access.given - before).toBe(1);
  });
});

describe('T55, T58: a sign-in that is refused tells what to do', () => {
  test.each([
    [
      'the application has no permission for IMAP',
      () => application.roles.clear(),
      'IMAP_APP_UNKNOWN',
      /IMAP\.AccessAsApp/,
    ],
    [
      'Exchange does not know the application',
      () => tenant.access.mailboxes.principals.clear(),
      'IMAP_APP_UNKNOWN',
      /refuses the access token/,
    ],
    [
      'nobody let it into the mailbox',
      () => tenant.access.mailboxes.removeFullAccess(ANN, 'transfer'),
      'IMAP_NOT_CONNECTED',
      /opens no mailbox/,
    ],
    [
      'IMAP is off for the mailbox',
      () => tenant.access.mailboxes.imapOff.add(ANN),
      'IMAP_NOT_CONNECTED',
      /IMAP is off/,
    ],
  ] as const)('where %s', async (_case, spoil, code, words) => {
    spoil();
    const { open, refused } = newProcess();
    await expect(open()).rejects.toMatchObject({
      code,
      message: expect.stringMatching(words),
      kind: { reaction: 'pause' },
    });
    expect(refused).toEqual([]);
  });

  test('where the server takes no passwords, the plan is told to use tokens, and no password was wrong', async () => {
    await server.close();
    server = await startImap([...EXCHANGE_CAPABILITIES.filter((one) => one !== 'AUTH=PLAIN'), 'LOGINDISABLED']);
    const { open, refused } = newProcess();
    await expect(open(account(ANN, { auth: 'password' }))).rejects.toMatchObject({ code: 'BASIC_AUTH_OFF' });
    expect(server.commandCounts.get('LOGIN')).toBeUndefined();
    expect(refused).toEqual([]);
  });

  test('where the server takes no tokens, that is said', async () => {
    await server.close();
    server = await startImapServer({
      store: tenant.store,
      security: 'tls',
      tls: await authority.issue(['127.0.0.1']),
    });
    const failure = newProcess().open();
    await expect(failure).rejects.toMatchObject({ code: 'AUTH_FAILED', message: expect.stringMatching(/no XOAUTH2/) });
  });

  test.each([
    ['IMAP_APP_UNKNOWN', 'New-ServicePrincipal'],
    ['IMAP_NOT_CONNECTED', 'Add-MailboxPermission'],
    ['IMAP_OFF', 'Set-CASMailbox'],
    ['BASIC_AUTH_OFF', 'xoauth2'],
  ] as const)('the remedy of %s names %s', (code, command) => {
    expect(ERRORS[code].remedy).toContain(command);
  });
});
