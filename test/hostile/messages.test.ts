/** Section 2 of the hostile cases, through the whole copy: messages that targets refuse and that sources cannot give. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { canonicalFingerprintOf } from '../../domain/canonical-fingerprint.ts';
import { unwrapMessage } from '../../domain/wrap.ts';
import type { ImapHooks } from '../../lab/imap/hooks.ts';
import { ALL_CAPABILITIES, EXCHANGE_CAPABILITIES, type ImapServerOptions } from '../../lab/imap/options.ts';
import { ImapCopy } from '../support/imap-copy.ts';
import { type LabAccount, startLabAccount } from '../support/lab-account.ts';
import { DELTA, mailText } from '../support/memory-world.ts';
import { asOwner, type RealServer, readFolder, startRealServer } from '../support/real-servers.ts';

const DATE = new Date('2019-03-04T05:06:07Z');
const HEAD = 'From: a@example.test\r\nTo: b@example.test\r\nDate: Mon, 4 Mar 2019 05:06:07 +0000\r\n';
const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

async function lab(options: Partial<Omit<ImapServerOptions, 'store'>> = {}): Promise<LabAccount> {
  const account = await startLabAccount(options);
  open.push(account);
  return account;
}

function fill({ mailbox }: LabAccount, mails: readonly (string | Buffer)[], flags: readonly string[] = []): void {
  for (const raw of mails) mailbox.inbox.append({ raw: Buffer.from(raw), flags, internalDate: DATE });
}

function rawsOf({ mailbox }: LabAccount): readonly Buffer[] {
  return mailbox.inbox.messages.map(({ raw }) => raw);
}

/** Refuses what Exchange was seen to refuse, with its one answer for all of it, and counts how often. */
function exchangeLike() {
  const refusals: string[] = [];
  const onAppend: ImapHooks['onAppend'] = (message) => {
    const text = message.raw.toString('latin1');
    const header = text.slice(0, text.indexOf('\r\n\r\n'));
    const why = /^From /.test(text)
      ? 'mbox line'
      : text.split('\r\n').some((line) => line.length > 9_900)
        ? 'long line'
        : /[\x80-\xff]/.test(header)
          ? '8-bit header'
          : null;
    if (why === null) return message;
    refusals.push(why);
    return { reply: 'BAD Command Argument Error. 11' };
  };
  return { refusals, hooks: { onAppend } };
}

describe.each([
  ['one APPEND a message, as Exchange', EXCHANGE_CAPABILITIES],
  ['MULTIAPPEND', ALL_CAPABILITIES],
])('a target that refuses as Exchange does, %s', (_, capabilities) => {
  test('T16, T18, T19, T21: finds out which messages are meant, repairs each as little as it takes, and says so', async () => {
    const html = `<p>${'word '.repeat(3_000)}</p>`;
    const refused = {
      'mbox line': `From user@example.test Mon Jan  6 10:00:00 2020\r\n${HEAD}Subject: mbox\r\n\r\nText.\r\n`,
      '8-bit header': Buffer.from(`${HEAD}Subject: Gr\xfc\xdfe\r\n\r\nText.\r\n`, 'latin1'),
      'long line': `${HEAD}Subject: long\r\nContent-Type: text/html; charset=us-ascii\r\n\r\n${html}\r\n`,
    };
    const { refusals, hooks } = exchangeLike();
    const source = await lab();
    const target = await lab({ capabilities, hooks });
    const honest = [...Array(20).keys()].map((n) => `${HEAD}Subject: ${n}\r\n\r\nText.\r\n`);
    fill(source, [...honest.slice(0, 10), ...Object.values(refused), ...honest.slice(10)]);
    const copy = new ImapCopy(source.account, target.account);

    expect(await copy.run()).toMatchObject({ copied: 20, repaired: 3, wrapped: 0, refused: 0, moved: 23 });
    expect(new Set(refusals)).toEqual(new Set(Object.keys(refused)));
    const canonical = (raws: readonly Buffer[]) => raws.map((raw) => canonicalFingerprintOf(raw)).toSorted();
    expect(canonical(rawsOf(target))).toEqual(canonical(rawsOf(source)));
    const repaired = copy.ledger.outcomes.filter(({ state }) => state === 'repaired');
    expect(repaired.map(({ uid }) => uid).toSorted((a, b) => a - b)).toEqual([11, 12, 13]);
    // What was changed, with digests of before and after.
    for (const { detail } of repaired) expect(detail).toMatch(/[0-9a-f]{64}[\s\S]*[0-9a-f]{64}/);
    expect(await copy.verify()).toMatchObject({ faults: 0, seen: 23 });
    expect(await copy.run(DELTA)).toMatchObject({ moved: 0, bytes: 0 });
  });

  test('T16: what is signed and refused all the same goes in as an attachment, byte for byte', async () => {
    const signed = [
      `${HEAD}Subject: signed`,
      'Content-Type: multipart/signed; boundary=b; protocol="application/pgp-signature"; micalg=pgp-sha256',
      '',
      '--b',
      'Content-Type: text/plain',
      '',
      'x'.repeat(12_000),
      '--b',
      'Content-Type: application/pgp-signature',
      '',
      'signature',
      '--b--',
      '',
    ].join('\r\n');
    const { refusals, hooks } = exchangeLike();
    const source = await lab();
    const target = await lab({ capabilities, hooks });
    fill(source, [mailText('one'), signed, mailText('three')]);
    const copy = new ImapCopy(source.account, target.account);
    expect(await copy.run()).toMatchObject({ copied: 2, repaired: 0, wrapped: 1, refused: 0 });
    expect(refusals).toContain('long line');
    const stub = rawsOf(target).find((raw) => unwrapMessage(raw) !== null);
    expect(stub && unwrapMessage(stub)?.toString()).toBe(signed);
    expect(target.mailbox.inbox.messages.map(({ internalDate }) => internalDate)).toEqual([DATE, DATE, DATE]);
    expect(await copy.verify()).toMatchObject({ faults: 0 });
  });

  test('T27: a message that is taken for malware is named as that, and is not sent in another form', async () => {
    let offers = 0;
    const onAppend: ImapHooks['onAppend'] = (message) => {
      if (!message.raw.includes('EICAR')) return message;
      offers += 1;
      return { reply: 'NO Message contains a virus (Eicar-Test-Signature)' };
    };
    const source = await lab();
    const target = await lab({ capabilities, hooks: { onAppend } });
    fill(source, [mailText('one'), mailText('EICAR'), mailText('three')]);
    const copy = new ImapCopy(source.account, target.account);
    expect(await copy.run()).toMatchObject({ copied: 2, refused: 1 });
    expect(await copy.listExceptions()).toMatchObject([{ uid: 2, state: 'refused', code: 'MALWARE_REFUSED' }]);
    const atFirst = offers;
    await copy.run(DELTA);
    expect(offers).toBe(atFirst);
  });
});

describe('messages over a limit', () => {
  test('T22, T79: what is too large is on the list of what is missing, with all that helps to find it, and nothing else is', async () => {
    const source = await lab();
    const target = await lab({ maxMessageBytes: 2_000 });
    const large = `${HEAD}Subject: private\r\n\r\n${'x'.repeat(70)}\r\n`.padEnd(4_000, 'y\r\n');
    fill(source, [mailText('one'), large, mailText('three')]);
    const copy = new ImapCopy(source.account, target.account);
    expect(await copy.run()).toMatchObject({ copied: 2, refused: 1 });
    const missing = await copy.listExceptions();
    expect(missing).toMatchObject([
      {
        sourcePath: ['INBOX'],
        uid: 2,
        internalDate: '2019-03-04T05:06:07Z',
        sizeBytes: large.length,
        state: 'refused',
        code: 'MESSAGE_TOO_LARGE',
      },
    ]);
    expect(JSON.stringify(missing)).not.toContain('private');
  });

  test.each([
    ['is known before', { maxMessageBytes: 1_000 }],
    ['is told afterwards', {}],
  ])('T24: one of just the limit that %s goes in, one octet more is refused', async (how, options) => {
    const onAppend: ImapHooks['onAppend'] = (message) =>
      message.raw.length > 1_000 ? { reply: 'NO [TOOBIG] Message too large' } : message;
    const source = await lab();
    const target = await lab({ ...options, ...(how === 'is told afterwards' && { hooks: { onAppend } }) });
    const sized = (size: number) => `Subject: ${size}\r\n\r\n`.padEnd(size - 2, 'x').concat('\r\n');
    fill(source, [sized(999), sized(1_000), sized(1_001)]);
    const copy = new ImapCopy(source.account, target.account);
    expect(await copy.run()).toMatchObject({ copied: 2, refused: 1 });
    expect(await copy.listExceptions()).toMatchObject([{ uid: 3, code: 'MESSAGE_TOO_LARGE' }]);
  });

  test('T23, T78: the states of all messages add up to what the source has, whatever became of them', async () => {
    const onAppend: ImapHooks['onAppend'] = (message) =>
      message.raw.includes('refuse') ? { reply: 'NO [CANNOT] no' } : message;
    const source = await lab();
    const target = await lab({ hooks: { onAppend } });
    fill(source, ['a', 'refuse 1', 'b', 'b', 'refuse 2', 'c'].map(mailText));
    target.mailbox.inbox.append({ raw: Buffer.from(mailText('b')) });
    const copy = new ImapCopy(source.account, target.account);
    await copy.run();
    const [folder] = await copy.ledger.tallyFolders(copy.mailboxId);
    const { copied, repaired, wrapped, alreadyThere, vanished, excluded, refused } = folder?.tally ?? {};
    expect({ copied, repaired, alreadyThere, vanished, excluded }).toEqual({
      copied: 3,
      repaired: 0,
      alreadyThere: 1,
      vanished: 0,
      excluded: 0,
    });
    expect((wrapped ?? 0) + (refused ?? 0)).toBe(2);
    expect(await copy.listExceptions()).toHaveLength(2);
  });
});

describe('messages that the source cannot give', () => {
  test('T26: one that comes shorter than announced, again and again, is named as damaged, and nothing of it is sent', async () => {
    let short = 0;
    const onResponse: ImapHooks['onResponse'] = (response) => {
      const bent = response
        .toString('latin1')
        .replace(
          /(BODY\[\](?:<\d+>)?) \{\d+\}\r\nSubject: two[\s\S]*\)\r\n$/,
          '$1 {20}\r\nSubject: two\r\n\r\ntwo)\r\n',
        );
      if (bent.length === response.length) return undefined;
      short += 1;
      return Buffer.from(bent, 'latin1');
    };
    const source = await lab({ hooks: { onResponse } });
    const target = await lab();
    fill(
      source,
      ['one', 'two', 'three'].map((text) => mailText(text).repeat(3)),
    );
    const copy = new ImapCopy(source.account, target.account);
    expect(await copy.run()).toMatchObject({ copied: 2, refused: 1 });
    expect(short).toBeGreaterThanOrEqual(2);
    expect(await copy.listExceptions()).toMatchObject([{ uid: 2, state: 'refused', code: 'MESSAGE_DAMAGED' }]);
    expect(rawsOf(target).filter((raw) => raw.includes('Subject: two'))).toEqual([]);
  });

  test('T26: one that is announced, and sent whole once asked for by parts, is brought whole', async () => {
    const whole = mailText('two').repeat(3);
    let short = 0;
    const onResponse: ImapHooks['onResponse'] = (response) => {
      const bent = response
        .toString('latin1')
        .replace(/BODY\[\] \{\d+\}\r\nSubject: two[\s\S]*\)\r\n$/, 'BODY[] {5}\r\nSubje)\r\n');
      if (bent.length === response.length) return undefined;
      short += 1;
      return Buffer.from(bent, 'latin1');
    };
    const source = await lab({ hooks: { onResponse } });
    const target = await lab();
    fill(source, [mailText('one'), whole]);
    const copy = new ImapCopy(source.account, target.account);
    expect(await copy.run()).toMatchObject({ copied: 2, refused: 0 });
    expect(short).toBeGreaterThan(0);
    expect(rawsOf(target).map(String).toSorted()).toEqual([mailText('one'), whole].toSorted());
  });

  test('T28: one that ends the connection each time it is read does not keep the others, and is named in the end', async () => {
    let drops = 0;
    const onResponse: ImapHooks['onResponse'] = (response) => {
      if (!response.includes('Subject: poison')) return undefined;
      drops += 1;
      return 'drop';
    };
    const source = await lab({ hooks: { onResponse } });
    const target = await lab();
    fill(source, ['one', 'two', 'poison', 'four', 'five'].map(mailText));
    const copy = new ImapCopy(source.account, target.account);
    await copy.runUntilDone(20);
    expect(rawsOf(target)).toHaveLength(4);
    expect(drops).toBeLessThan(15);
    expect(await copy.listExceptions()).toMatchObject([{ uid: 3, state: 'refused', code: 'MESSAGE_DAMAGED' }]);
  });

  test('T28: one that a target ends the connection on each time does not keep the others, and is named in the end', async () => {
    let drops = 0;
    const onAppend: ImapHooks['onAppend'] = (message) => {
      if (!message.raw.includes('poison')) return message;
      drops += 1;
      return { reply: 'BAD drop' };
    };
    const onResponse: ImapHooks['onResponse'] = (response) => (response.includes('BAD drop') ? 'drop' : undefined);
    const source = await lab();
    const target = await lab({ hooks: { onAppend, onResponse } });
    fill(source, ['one', 'two', 'poison', 'four', 'five'].map(mailText));
    const copy = new ImapCopy(source.account, target.account);
    await copy.runUntilDone(20);
    expect(rawsOf(target)).toHaveLength(4);
    expect(drops).toBeLessThan(15);
    expect(await copy.listExceptions()).toMatchObject([{ uid: 3, state: 'refused' }]);
  });
});

describe.each(['Dovecot', 'Cyrus'] as const)('on %s', (name) => {
  let server: RealServer;
  beforeAll(async () => {
    server = await startRealServer(name);
  });
  afterAll(async () => {
    await server?.stop();
  });

  async function through(mails: readonly (string | Buffer)[], flags: readonly string[] = []) {
    const first = server.newAccount();
    const second = server.newAccount();
    await asOwner(first, async (client) => {
      for (const raw of mails) await client.append('INBOX', Buffer.from(raw), [...flags], DATE);
    });
    const copy = new ImapCopy(first, second);
    const report = await copy.run();
    return { copy, report, before: await readFolder(first, 'INBOX'), after: await readFolder(second, 'INBOX') };
  }
  const bytesOf = (found: readonly { raw: Buffer }[]) => found.map(({ raw }) => raw.toString('latin1')).toSorted();

  test('T29: signed, encrypted and TNEF mail arrives with each of its bytes', async () => {
    const parted = (type: string, parts: readonly string[]) =>
      [
        `${HEAD}Subject: ${type}`,
        'MIME-Version: 1.0',
        `Content-Type: ${type}; boundary="=_b"`,
        '',
        ...parts.map((part) => `--=_b\r\n${part}`),
        '--=_b--',
        '',
      ].join('\r\n');
    const mails = [
      parted('multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256', [
        'Content-Type: text/plain\r\n\r\ntrailing blanks   \r\nFrom here\r\n',
        'Content-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n\r\nMIIB\r\n',
      ]),
      parted('multipart/encrypted; protocol="application/pgp-encrypted"', [
        'Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n',
        'Content-Type: application/octet-stream\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nhQ\r\n-----END PGP MESSAGE-----\r\n',
      ]),
      parted('multipart/mixed', [
        'Content-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: base64\r\n\r\neJ8+Ig==\r\n',
      ]),
    ];
    const { report, after } = await through(mails);
    expect(report).toMatchObject({ copied: 3, repaired: 0 });
    expect(bytesOf(after)).toEqual(mails.toSorted());
  });

  test('T30: 20,000 header lines and one of a megabyte take seconds and no more memory than they have bytes', async () => {
    const many = [...Array(20_000).keys()].map((n) => `X-Hop-${n}: ${'v'.repeat(40)}\r\n`).join('');
    const long = `X-Long: ${'abcdefghi '.repeat(100_000)}\r\n`;
    const mails = [`${HEAD}${many}Subject: many\r\n\r\nText.\r\n`, `${HEAD}${long}Subject: long\r\n\r\nText.\r\n`];
    const begun = performance.now();
    const { copy, report, before, after } = await through(mails);
    expect(report).toMatchObject({ moved: 2, refused: 0 });
    expect(bytesOf(after)).toEqual(bytesOf(before));
    expect(await copy.verify()).toMatchObject({ faults: 0 });
    expect(performance.now() - begun).toBeLessThan(20_000);
  });

  test('T31: a draft without From, Date and Message-ID is copied and stays a draft', async () => {
    const { report, after } = await through(['Subject: later\r\n\r\nnot yet\r\n'], ['\\Draft', '\\Seen']);
    expect(report).toMatchObject({ copied: 1 });
    expect(after).toMatchObject([{ flags: ['\\Draft', '\\Seen'], receivedAt: DATE.getTime() }]);
  });

  test('T21, T18: lines of 100,000 octets and 8-bit header fields that this server takes arrive as they are or as they say', async () => {
    const mails = [
      `${HEAD}Subject: long\r\n\r\n${'word '.repeat(20_000)}\r\n`,
      Buffer.from(`${HEAD}Subject: Gr\xc3\xbc\xc3\x9fe\r\n\r\nText.\r\n`, 'latin1'),
    ];
    const source = await lab();
    fill(source, mails);
    const second = server.newAccount();
    const copy = new ImapCopy(source.account, second);
    expect(await copy.run()).toMatchObject(name === 'Cyrus' ? { copied: 1, repaired: 1 } : { copied: 2, repaired: 0 });
    const canonical = (raws: readonly Buffer[]) => raws.map((raw) => canonicalFingerprintOf(raw)).toSorted();
    expect(canonical((await readFolder(second, 'INBOX')).map(({ raw }) => raw))).toEqual(canonical(rawsOf(source)));
    expect(await copy.verify()).toMatchObject({ faults: 0 });
    expect(await copy.run(DELTA)).toMatchObject({ moved: 0 });
  });

  test('T18: an 8-bit address, which no encoding helps, goes in as it is or as an attachment, and no octet of it is lost', async () => {
    const mail = Buffer.from('From: J\xf6rg <j\xf6rg@example.test>\r\nSubject: x\r\n\r\nText.\r\n', 'latin1');
    const source = await lab();
    fill(source, [mail]);
    const second = server.newAccount();
    const copy = new ImapCopy(source.account, second);
    expect(await copy.run()).toMatchObject({ moved: 1, refused: 0 });
    const [{ raw } = { raw: Buffer.alloc(0) }] = await readFolder(second, 'INBOX');
    expect((unwrapMessage(raw) ?? raw).equals(mail)).toBe(true);
    expect(await copy.verify()).toMatchObject({ faults: 0 });
  });
});
