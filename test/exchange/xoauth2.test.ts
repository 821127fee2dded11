import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { collect } from '../../domain/collect.ts';
import { ERRORS } from '../../domain/errors.ts';
import { startImapServer } from '../../lab/imap/server.ts';
import { ExchangeLab, OWNER } from '../support/exchange-imap.ts';

const SHARED = 'info@harbour.test';
const { signal } = new AbortController();

let lab: ExchangeLab;
let clock: number;

beforeEach(async () => {
  clock = Date.now();
  lab = await ExchangeLab.start({ tenant: { now: () => clock } });
});
afterEach(() => lab.close());

describe('signing in with a token', () => {
  test('opens the mailbox, and one token does for many connections', async () => {
    const connector = lab.connector();
    const before = lab.tenant.access.given;
    const open = async () => await connector.openTarget(lab.mailAccount(), signal);
    for (const target of await Promise.all([open(), open()])) {
      expect((await collect(target.listFolders())).map(({ path }) => path[0])).toContain('INBOX');
      await target.close();
    }
    expect(lab.tenant.access.given - before).toBe(1);
  });

  test('T62: opens a shared mailbox by its own address, with no account, no licence and no password', async () => {
    lab.tenant.addMailbox(SHARED);
    lab.tenant.access.mailboxes.allowImap(lab.application, SHARED);
    const target = await lab.open(lab.mailAccount(SHARED));
    const inbox = await target.ensureFolder(['INBOX'], 'inbox');
    await target.append(inbox, { raw: Buffer.from('Subject: x\r\n\r\nx\r\n'), flags: [], receivedAt: null });
    expect(lab.tenant.store.findAccount(SHARED)?.inbox.messages).toHaveLength(1);
    await target.close();
  });

  test('T57: a token that has ended meanwhile is replaced, and the next connection opens', async () => {
    const connector = lab.connector();
    await (await connector.openTarget(lab.mailAccount(), signal)).close();
    // Its life at the server is over sooner than it was said to be.
    clock += 10 * 60_000;
    lab.tenant.access.revokeTokens();
    const before = lab.tenant.access.given;
    await (await connector.openTarget(lab.mailAccount(), signal)).close();
    expect(lab.tenant.access.given - before).toBe(1);
  });
});

describe('T55, T58: a sign-in that is refused tells what to do, and is no wrong password', () => {
  const mailboxes = () => lab.tenant.access.mailboxes;
  const CASES = [
    [
      'the application has no permission for IMAP',
      () => lab.application.roles.clear(),
      'IMAP_APP_UNKNOWN',
      /IMAP\.AccessAsApp/,
    ],
    [
      'Exchange does not know the application',
      () => mailboxes().principals.clear(),
      'IMAP_APP_UNKNOWN',
      /refuses the access token/,
    ],
    [
      'nobody let it into the mailbox',
      () => mailboxes().removeFullAccess(OWNER, 'transfer'),
      'IMAP_NOT_CONNECTED',
      /opens no mailbox/,
    ],
    [
      'IMAP is off for the mailbox',
      () => Object.assign(lab.tenant.state.findMailbox(OWNER) ?? {}, { imap: false }),
      'IMAP_NOT_CONNECTED',
      /IMAP is off/,
    ],
    [
      'the mailbox has no licence',
      () => lab.tenant.state.findUser(OWNER)?.licences.clear(),
      'IMAP_NOT_CONNECTED',
      /no licence/,
    ],
  ] as const;

  describe.each(['at-sign-in', 'afterwards'] as const)('which Exchange tells %s', (when) => {
    test.each(CASES)('where %s', async (_case, spoil, code, words) => {
      lab.imap.quirks.notConnected = when;
      spoil();
      await expect(lab.open()).rejects.toMatchObject({
        code,
        message: expect.stringMatching(words),
        kind: { reaction: 'pause' },
      });
      expect(lab.refused).toEqual([]);
    });
  });

  test('T62: by a password, a shared mailbox that is not open to the account is told as that', async () => {
    lab.imap.quirks.passwords = true;
    lab.tenant.addMailbox(SHARED);
    const account = lab.mailAccount(`${OWNER}\\info`, { auth: 'password' });
    await expect(lab.open(account)).rejects.toMatchObject({
      code: 'MAILBOX_MISSING',
      message: expect.stringMatching(/shared mailbox/),
    });
    lab.imap.quirks.mayOpenShared = () => true;
    await (await lab.open(account)).close();
    expect(lab.refused).toEqual([]);
  });

  test('a token that lost its rights in the middle of the work ends it, and the mailbox is held', async () => {
    const target = await lab.open();
    const inbox = await target.ensureFolder(['INBOX'], 'inbox');
    await target.append(inbox, { raw: Buffer.from('Subject: x\r\n\r\nx\r\n'), flags: [], receivedAt: null });
    await target.close();
    lab.application.consented = false;
    lab.tenant.access.revokeTokens();
    await expect(lab.open()).rejects.toMatchObject({ code: 'IMAP_APP_UNKNOWN', kind: { reaction: 'pause' } });
    expect(lab.refused).toEqual([]);
  });
});

describe('a server that wants the other way of signing in', () => {
  test.each([
    [
      'takes no passwords',
      ['IMAP4rev1', 'AUTH=XOAUTH2', 'SASL-IR', 'LOGINDISABLED'],
      'password',
      'BASIC_AUTH_OFF',
      /no sign-in by/,
    ],
    ['takes no tokens', ['IMAP4rev1', 'AUTH=PLAIN', 'SASL-IR'], 'xoauth2', 'AUTH_FAILED', /no XOAUTH2/],
  ] as const)('and %s says so, and is sent none', async (_case, capabilities, auth, code, words) => {
    const server = await startImapServer({
      store: lab.tenant.store,
      capabilities,
      security: 'tls',
      tls: await lab.tenant.authority.issue(['127.0.0.1']),
    });
    const account = lab.mailAccount(OWNER, { auth, port: server.port });
    await expect(lab.open(account)).rejects.toMatchObject({ code, message: expect.stringMatching(words) });
    expect([server.commandCounts.get('LOGIN'), server.commandCounts.get('AUTHENTICATE')]).toEqual([
      undefined,
      undefined,
    ]);
    await server.close();
  });

  test('T58: Exchange Online, which refuses every password, is told from one wrong password by its name', async () => {
    const account = lab.mailAccount(OWNER, { auth: 'password' });
    await expect(lab.open(account)).rejects.toMatchObject({
      code: 'AUTH_FAILED',
      message: expect.stringMatching(/xoauth2/),
    });
  });
});

test.each([
  ['IMAP_APP_UNKNOWN', 'New-ServicePrincipal'],
  ['IMAP_NOT_CONNECTED', 'Add-MailboxPermission'],
  ['IMAP_NOT_CONNECTED', 'Get-CASMailbox'],
  ['IMAP_OFF', 'Set-CASMailbox'],
  ['BASIC_AUTH_OFF', 'xoauth2'],
  ['MESSAGE_TOO_LARGE', 'MaxReceiveSize'],
] as const)('T58: the remedy of %s names %s', (code, command) => {
  expect(ERRORS[code].remedy).toContain(command);
});
