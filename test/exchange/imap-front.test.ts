/** The simulator's IMAP refuses and keeps what facts say of Exchange: one test for each, with its section. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { canonicalFingerprintOf } from '../../domain/canonical-fingerprint.ts';
import { type ExchangeImap, type ExchangeImapOptions, startExchangeImap } from '../../lab/exchange/imap/server.ts';
import { PROPERTY, propertyOf } from '../../lab/exchange/mail/message-properties.ts';
import { GERMAN_NAMES, makeSpecialFolders } from '../../lab/exchange/mail/special-folders.ts';
import type { HostedTenant } from '../../lab/exchange/tenant.ts';
import type { Account } from '../../lab/imap/store.ts';
import { ImapTalk } from '../support/imap-talk.ts';
import { startTenant, type TenantClient } from '../support/tenant-client.ts';

const RAW = Buffer.from('From: a@example.test\r\nSubject: one\r\nMessage-ID: <1@example.test>\r\n\r\nHello\r\n');
const RECEIPT = Buffer.from('From: a@example.test\r\nDisposition-Notification-To: <b@example.test>\r\n\r\nHello\r\n');
const PASSWORD = 'own-secret';
const TOO_LONG = 'BAD Command Argument Error. 11';

let http: TenantClient;
let tenant: HostedTenant;
let anna: Account;
let people = 0;
const servers: ExchangeImap[] = [];
const talks: ImapTalk[] = [];

beforeAll(async () => {
  http = await startTenant([]);
  tenant = http.tenant;
});
afterAll(() => http.close());

beforeEach(() => {
  people += 1;
  anna = tenant.addMailbox(`anna${people}@harbour.test`);
  anna.password = PASSWORD;
});
afterEach(async () => {
  for (const talk of talks.splice(0)) talk.close();
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

describe('signing in', () => {
  test('§5.1: a token opens a mailbox once Exchange knows the application and it has FullAccess', async () => {
    const imap = await start({ edition: 'online' });
    const application = tenant.access.register({ clientId: 'mover', secrets: ['s'] });
    const token = await exchangeToken('mover');
    expect(await (await dial(imap)).ask(xoauth2(anna.user, token))).toBe('NO AUTHENTICATE failed.');
    tenant.access.mailboxes.addPrincipal({ appId: 'mover', objectId: application.principalId, displayName: 'Mover' });
    const early = await dial(imap);
    expect(await early.ask(xoauth2(anna.user, token))).toBe('OK AUTHENTICATE completed.');
    expect(await early.ask('SELECT INBOX')).toBe('BAD User is authenticated but not connected.');
    tenant.access.mailboxes.grantFullAccess(anna.user, 'mover');
    const talk = await dial(imap);
    expect(await talk.ask(xoauth2(anna.user, token))).toBe('OK AUTHENTICATE completed.');
    expect(await talk.ask('SELECT INBOX')).toMatch(/^OK/);
  });

  test('documented: a token that is none is refused at once, without a challenge', async () => {
    const talk = await dial(await start());
    expect(await talk.command(xoauth2(anna.user, 'nothing'))).toEqual(['NO AUTHENTICATE failed.']);
    const graph = http.token ?? '';
    expect(await talk.command(xoauth2(anna.user, graph))).toEqual(['NO AUTHENTICATE failed.']);
  });

  test.each([
    ['IMAP is off for the mailbox', () => Object.assign(tenant.state.findMailbox(anna.user) ?? {}, { imap: false })],
    ['the licence is gone', () => tenant.state.findUser(anna.user)?.licences.clear()],
  ])('§5.1: "authenticated but not connected" where %s, at sign-in or afterwards', async (_, spoil) => {
    const imap = await start();
    allowed('mover');
    spoil();
    const token = await exchangeToken('mover');
    const talk = await dial(imap);
    expect(await talk.ask(xoauth2(anna.user, token))).toMatch(/^OK/);
    expect(await talk.ask('LIST "" *')).toBe('BAD User is authenticated but not connected.');
    expect(await talk.ask('NOOP')).toMatch(/^OK/);
    imap.quirks.notConnected = 'at-sign-in';
    const text = 'NO User is authenticated but not connected.';
    expect(await (await dial(imap)).ask(xoauth2(anna.user, token))).toBe(text);
    imap.quirks.passwords = true;
    expect(await (await dial(imap)).ask(login(anna.user, PASSWORD))).toBe(text);
  });

  test('T57: a session does not outlive its token, and says so in its last words', async () => {
    const imap = await start();
    allowed('mover');
    const talk = await dial(imap);
    expect(await talk.ask(xoauth2(anna.user, await exchangeToken('mover')))).toMatch(/^OK/);
    expect(await talk.ask('SELECT INBOX')).toMatch(/^OK/);
    tenant.access.revokeTokens();
    expect(await talk.append('INBOX', RAW)).toEqual(['* BYE Session invalidated - AccessTokenExpired']);
    expect([talk.isClosed, anna.inbox.messages.length]).toEqual([true, 0]);
  });

  test('a right or a licence that is taken away counts from the next command on', async () => {
    const imap = await start();
    allowed('mover');
    const open = async () => {
      const talk = await dial(imap);
      expect(await talk.ask(xoauth2(anna.user, await exchangeToken('mover')))).toMatch(/^OK/);
      expect(await talk.ask('SELECT INBOX')).toMatch(/^OK/);
      return talk;
    };
    const [one, two] = [await open(), await open()];
    tenant.access.mailboxes.removeFullAccess(anna.user, 'mover');
    expect(await one.append('INBOX', RAW)).toEqual(['BAD User is authenticated but not connected.']);
    tenant.access.mailboxes.grantFullAccess(anna.user, 'mover');
    expect((await two.append('INBOX', RAW)).at(-1)).toMatch(/^OK/);
    tenant.state.findUser(anna.user)?.licences.clear();
    expect(await two.append('INBOX', RAW)).toEqual(['BAD User is authenticated but not connected.']);
    expect(anna.inbox.messages.length).toBe(1);
  });

  test('T58: a password opens nothing in Exchange Online, and in Exchange Server it does', async () => {
    expect(await (await dial(await start({ edition: 'online' }))).ask(login(anna.user, PASSWORD))).toBe(
      'NO LOGIN failed.',
    );
    const server = await start();
    expect(await (await dial(server)).ask(login(anna.user, PASSWORD))).toBe('OK LOGIN completed.');
    expect(await (await dial(server)).ask(login(anna.user, 'wrong'))).toBe('NO LOGIN failed.');
  });

  test('§5.1: user\\shared opens a shared mailbox to whom it is open, and else is not connected (T62)', async () => {
    const imap = await start();
    const shared = tenant.addMailbox('info@harbour.test');
    shared.inbox.append({ raw: RAW });
    const name = `${anna.user}\\\\info`;
    const closed = await dial(imap);
    expect(await closed.ask(login(name, PASSWORD))).toMatch(/^OK/);
    expect(await closed.ask('SELECT INBOX')).toBe('BAD User is authenticated but not connected.');
    imap.quirks.mayOpenShared = (user, mailbox) => user === anna.user && mailbox === shared.user;
    const open = await dial(imap);
    expect(await open.ask(login(name, PASSWORD))).toMatch(/^OK/);
    expect(await open.command('SELECT INBOX')).toContain('* 1 EXISTS');
  });

  test('§5.3: the 17th connection of one user is refused by Exchange Server', async () => {
    const imap = await start();
    for (let at = 0; at < 16; at += 1) await signIn(imap);
    expect(await (await dial(imap)).ask(login(anna.user, PASSWORD))).toMatch(/^NO Maximum number of connections/);
  });
});

describe('what it offers', () => {
  test('§5.2: no APPENDLIMIT, CONDSTORE, BINARY, MULTIAPPEND or SPECIAL-USE, and no keyword but $MDNSent', async () => {
    const talk = await signIn(await start({ tellsQuota: false }));
    expect((await talk.command('CAPABILITY'))[0]).toBe(
      '* CAPABILITY IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+',
    );
    const selected = (await talk.command('SELECT INBOX')).join('\n');
    expect(selected).toContain('[PERMANENTFLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft $MDNSent)]');
    await talk.append('INBOX', RAW, '(\\Seen Important) ');
    expect([...(anna.inbox.messages[0]?.flags ?? [])]).toEqual(['\\Seen']);
  });

  test('§5.2: INTERNALDATE is honoured, APPENDUID is told, and without \\Draft it is no draft', async () => {
    const talk = await signIn(await start());
    const answer = await talk.append('INBOX', RAW, '(\\Seen) "01-Mar-2014 10:11:12 +0000" ');
    expect(answer).toEqual([`OK [APPENDUID ${anna.inbox.uidValidity} 1] Done`]);
    await talk.append('Drafts', RAW, '(\\Draft) ');
    const [message] = anna.inbox.messages;
    const [draft] = anna.findFolder(['Drafts'])?.messages ?? [];
    expect(message?.internalDate.toISOString()).toBe('2014-03-01T10:11:12.000Z');
    expect(message && tenant.items.of(message).isDraft).toBe(false);
    expect(draft && tenant.items.of(draft).isDraft).toBe(true);
    expect(message && propertyOf({ folder: anna.inbox, message }, tenant.items, PROPERTY.receivedAt)).toBe(
      '2014-03-01T10:11:12Z',
    );
  });

  test('hidden folders are not listed', async () => {
    tenant.items.hide(anna.ensureFolder(['probe']));
    const lines = (await (await signIn(await start())).command('LIST "" *')).join('\n');
    expect(lines).toContain('INBOX');
    expect(lines).not.toContain('probe');
  });
});

describe('messages', () => {
  test.each([
    ['online', 10_239],
    ['server', 9_900],
  ] as const)('§5.3: %s takes lines up to %i octets and no longer', async (edition, limit) => {
    const talk = await signIn(await start({ edition, quirks: { passwords: true } }));
    const lineOf = (length: number) => Buffer.concat([RAW, Buffer.alloc(length, 0x78), Buffer.from('\r\nend\r\n')]);
    expect(await talk.append('INBOX', lineOf(limit))).toEqual([expect.stringMatching(/^OK/)]);
    expect(await talk.append('INBOX', lineOf(limit + 1))).toEqual([TOO_LONG]);
    expect(anna.inbox.messages.length).toBe(1);
  });

  test('§5.3: NUL is refused', async () => {
    const talk = await signIn(await start());
    expect(await talk.append('INBOX', Buffer.concat([RAW, Buffer.from([0])]))).toEqual([TOO_LONG]);
    expect(anna.inbox.messages.length).toBe(0);
  });

  test('§5.3: the size limit is of the account that signs in, not of the mailbox, and refuses before the bytes travel', async () => {
    const imap = await start({ quirks: { mayOpenShared: () => true } });
    const shared = tenant.addMailbox('big@harbour.test');
    imap.quirks.maxMessageBytesOf = (user) => (user === shared.user ? 1_000_000 : RAW.length);
    const text = 'NO Maximum size of appendable message has been exceeded';
    const talk = await signIn(imap, `${anna.user}\\\\big@harbour.test`);
    expect(await talk.append('INBOX', RAW)).toEqual([expect.stringMatching(/^OK/)]);
    expect(await talk.append('INBOX', Buffer.concat([RAW, RAW]))).toEqual([text]);
    expect(shared.inbox.messages.length).toBe(1);
  });

  test('§6.3: the limit of an account is its MaxReceiveSize, as Set-Mailbox leaves it', async () => {
    const talk = await signIn(await start({ edition: 'online', quirks: { passwords: true } }));
    const mailbox = tenant.state.findMailbox(anna.user);
    if (mailbox === null) throw new Error('no mailbox');
    mailbox.maxReceiveBytes = RAW.length - 1;
    expect(await talk.append('INBOX', RAW)).toEqual([expect.stringMatching(/^NO Maximum size/)]);
    mailbox.maxReceiveBytes = RAW.length;
    expect(await talk.append('INBOX', RAW)).toEqual([expect.stringMatching(/^OK/)]);
  });

  test('§5.3: a full mailbox is "Server Unavailable. 15", and GETQUOTAROOT tells why (T54)', async () => {
    const imap = await start({ quirks: { quotaBytesOf: () => 2_048 } });
    const talk = await signIn(imap);
    const large = Buffer.concat([RAW, Buffer.from(`${'x'.repeat(70)}\r\n`.repeat(27))]);
    expect(await talk.append('INBOX', large)).toEqual([expect.stringMatching(/^OK/)]);
    expect(await talk.append('INBOX', RAW)).toEqual(['NO Server Unavailable. 15']);
    expect(await talk.command('GETQUOTAROOT INBOX')).toEqual([
      '* QUOTAROOT "INBOX" "Mailbox"',
      '* QUOTA "Mailbox" (STORAGE 2 2)',
      'OK Done',
    ]);
    imap.quirks.quotaBytesOf = () => null;
    expect(await talk.append('INBOX', RAW)).toEqual([expect.stringMatching(/^OK/)]);
    expect(await talk.command('GETQUOTAROOT INBOX')).toEqual(['* QUOTAROOT "INBOX"', 'OK Done']);
  });
});

describe('what comes back', () => {
  const letter = (encoding: string, text: string) =>
    Buffer.from(
      `From: a@example.test\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${text}\r\n`,
    );
  const SIGNED = Buffer.from(
    'From: a@example.test\r\nContent-Type: multipart/signed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSigned\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n',
  );

  test('§9.1: MIME is kept byte for byte, unless the server encodes parts anew: then the content is the same', async () => {
    const imap = await start();
    const talk = await signIn(imap);
    const mails = [letter('8bit', 'Grüße'), letter('quoted-printable', 'Gr=C3=BC=C3=9Fe'), SIGNED];
    for (const raw of mails) await talk.append('INBOX', raw);
    expect(anna.inbox.messages.map(({ raw }) => raw)).toEqual(mails);
    imap.quirks.reEncodes = true;
    for (const raw of mails) await talk.append('INBOX', raw);
    const anew = anna.inbox.messages.slice(3).map(({ raw }) => raw);
    expect(anew.map(canonicalFingerprintOf)).toEqual(mails.map(canonicalFingerprintOf));
    expect(anew.map((raw, at) => raw.equals(mails[at] ?? RAW))).toEqual([false, false, true]);
  });

  test('a copy keeps what Exchange knows of the message, a move its id as well', async () => {
    const talk = await signIn(await start());
    await talk.append('INBOX', RAW);
    const [first] = anna.inbox.messages;
    const item = first && tenant.items.of(first);
    item?.categories.push('Kunden');
    await talk.command('SELECT INBOX');
    await talk.command('COPY 1 Archive');
    await talk.command('MOVE 1 Archive');
    const items = anna.findFolder(['Archive'])?.messages.map((message) => tenant.items.of(message)) ?? [];
    expect(items.map(({ categories }) => categories)).toEqual([['Kunden'], ['Kunden']]);
    expect(items.map(({ id }) => id === item?.id)).toEqual([false, true]);
  });
});

describe('flags', () => {
  const outlookFlag = () => {
    const [message] = anna.inbox.messages;
    return message && propertyOf({ folder: anna.inbox, message }, tenant.items, PROPERTY.flagStatus);
  };

  test('§5.3: \\Flagged by APPEND is seen by IMAP and not by Outlook, until a STORE sets it again (T68)', async () => {
    const talk = await signIn(await start());
    await talk.append('INBOX', RAW, '(\\Flagged) ');
    await talk.command('SELECT INBOX');
    expect((await talk.command('FETCH 1 FLAGS'))[0]).toBe('* 1 FETCH (FLAGS (\\Flagged))');
    expect(outlookFlag()).toBeNull();
    await talk.command('UID STORE 1 +FLAGS (\\Seen)');
    expect(outlookFlag()).toBeNull();
    await talk.command('UID STORE 1 +FLAGS (\\Flagged)');
    expect(outlookFlag()).toBe('2');
  });

  test('§5.3: newer servers may show it at once: the sources disagree', async () => {
    const talk = await signIn(await start({ quirks: { flaggedByStoreOnly: false } }));
    await talk.append('INBOX', RAW, '(\\Flagged) ');
    expect(outlookFlag()).toBe('2');
  });

  test.each(['append', 'store'])('§5.3: $MDNSent becomes a visible category, by %s (T69)', async (how) => {
    const talk = await signIn(await start());
    await talk.append('INBOX', RAW, how === 'append' ? '($MdnSent) ' : '');
    await talk.command('SELECT INBOX');
    if (how === 'store') await talk.command('STORE 1 +FLAGS ($MDNSent)');
    const [message] = anna.inbox.messages;
    expect(message && tenant.items.of(message).categories).toEqual(['$MDNSent']);
  });

  test('§5.3: mail that wants a receipt and was put in unseen sends one when it is read, once (T70)', async () => {
    const talk = await signIn(await start());
    const before = tenant.outgoing.count;
    await talk.append('INBOX', RECEIPT, '(\\Seen) ');
    await talk.append('INBOX', RECEIPT);
    await talk.append('INBOX', RAW);
    await talk.command('SELECT INBOX');
    await talk.command('STORE 1,3 +FLAGS (\\Seen)');
    expect(tenant.outgoing.count).toBe(before);
    for (const change of ['+FLAGS', '-FLAGS', '+FLAGS']) await talk.command(`STORE 2 ${change} (\\Seen)`);
    const receipts = tenant.outgoing.list.slice(before);
    expect(receipts.map(({ why, to }) => [why, to])).toEqual([['read receipt', '<b@example.test>']]);
  });
});

describe('folders', () => {
  test('§5.3: reserved names cannot be made (T9), in any case of letters', async () => {
    const talk = await signIn(await start());
    for (const name of ['Files', 'files', 'Calendar', 'Files/2019']) {
      expect(await talk.ask(`CREATE "${name}"`)).toBe('NO Folder name is reserved');
    }
    expect(await talk.ask('RENAME Drafts Files')).toBe('NO Folder name is reserved');
    expect(await talk.ask('CREATE "Files of ours"')).toMatch(/^OK/);
    expect(anna.findFolder(['Files'])).toBeNull();
  });

  test('§5.3: names are the same in any case of letters', async () => {
    const talk = await signIn(await start());
    expect(await talk.ask('CREATE Projekte')).toMatch(/^OK/);
    expect(await talk.ask('CREATE PROJEKTE')).toBe('NO Mailbox already exists');
    expect(await talk.ask('SELECT pROJEKTE')).toMatch(/^OK/);
  });

  test('§5.3: a German mailbox says "Mailbox already exists" to Sent Items, and has none; no role is told (T7)', async () => {
    const gerda = tenant.store.addAccount('gerda@harbour.test', PASSWORD);
    makeSpecialFolders(gerda, GERMAN_NAMES);
    const imap = await start();
    const talk = await signIn(imap, gerda.user);
    expect(await talk.ask('CREATE "Sent Items"')).toBe('NO Mailbox already exists');
    expect(await talk.ask('SELECT "Sent Items"')).toMatch(/^NO/);
    const lines = (await talk.command('LIST "" *')).join('\n');
    expect(lines).toContain('"Gesendete Elemente"');
    expect(lines).not.toContain('\\Sent');
    imap.quirks.specialsExist = false;
    expect(await talk.ask('CREATE "Sent Items"')).toMatch(/^OK/);
  });
});

describe('throttling and errors', () => {
  test('§5.3: a throttled command is told how long to wait and does nothing (T53)', async () => {
    const imap = await start();
    const talk = await signIn(imap);
    imap.quirks.throttle = ({ name, count }) => (name === 'APPEND' && count === 1 ? 299_961 : null);
    const text = 'BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds';
    expect(await talk.append('INBOX', RAW)).toEqual([text]);
    expect(anna.inbox.messages.length).toBe(0);
    expect(await talk.append('INBOX', RAW)).toEqual([expect.stringMatching(/^OK/)]);
  });

  test('§5.3: ten protocol errors close the connection with BYE; words of throttling are none (T51)', async () => {
    const imap = await start();
    const talk = await signIn(imap);
    imap.quirks.throttle = ({ name }) => (name === 'NOOP' ? 5 : null);
    for (let at = 0; at < 12; at += 1) expect(await talk.ask('NOOP')).toMatch(/^BAD Request is throttled/);
    for (let at = 0; at < 9; at += 1) expect(await talk.ask('WHAT')).toMatch(/^BAD/);
    expect(await talk.ask('SELECT INBOX')).toMatch(/^OK/);
    expect(await talk.append('INBOX', Buffer.concat([RAW, Buffer.from([0])]))).toEqual([TOO_LONG]);
    expect(await talk.closed()).toContain('* BYE Connection is closed.');
  });

  test('§5.3: commands longer than MaxCommandSize are refused', async () => {
    const talk = await signIn(await start());
    await talk.command('SELECT INBOX');
    const set = Array.from({ length: 3_000 }, (_, at) => 2 * at + 1).join(',');
    expect(await talk.ask(`UID FETCH ${set} FLAGS`)).toMatch(/^BAD/);
    expect(await talk.ask('UID FETCH 1:* FLAGS')).toMatch(/^OK/);
  });

  test('an APPEND may take effect and its answer be lost', async () => {
    const imap = await start();
    const talk = await signIn(imap);
    let injected = 0;
    imap.faults = {
      onResponse(response, command) {
        if (command?.name !== 'APPEND' || !response.includes('APPENDUID')) return undefined;
        injected += 1;
        return 'drop';
      },
    };
    await talk.append('INBOX', RAW);
    expect([injected, talk.isClosed, anna.inbox.messages.length]).toEqual([1, true, 1]);
  });
});

/** Exchange Server, where a password will do, unless told otherwise. */
async function start(options: ExchangeImapOptions = {}): Promise<ExchangeImap> {
  const imap = await startExchangeImap(tenant, { edition: 'server', ...options });
  servers.push(imap);
  return imap;
}

async function dial(imap: ExchangeImap): Promise<ImapTalk> {
  const talk = await ImapTalk.open(imap.port);
  talks.push(talk);
  return talk;
}

async function signIn(imap: ExchangeImap, user = anna.user): Promise<ImapTalk> {
  const talk = await dial(imap);
  expect(await talk.ask(login(user, PASSWORD))).toBe('OK LOGIN completed.');
  return talk;
}

/** In a quoted string, so a backslash is to be doubled. */
function login(user: string, password: string): string {
  return `LOGIN "${user}" "${password}"`;
}

function xoauth2(user: string, token: string): string {
  return `AUTHENTICATE XOAUTH2 ${Buffer.from(`user=${user}\x01auth=Bearer ${token}\x01\x01`).toString('base64')}`;
}

/** An application that may open Anna's mailbox. */
function allowed(clientId: string): void {
  tenant.access.mailboxes.allowImap(tenant.access.register({ clientId, secrets: ['s'] }), anna.user);
}

function exchangeToken(clientId: string): Promise<string> {
  return http.getToken({ client_id: clientId, client_secret: 's', scope: 'https://outlook.office365.com/.default' });
}
