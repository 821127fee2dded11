import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { oddMail } from '../test/support/odd-mail.ts';
import { fingerprintOf, sha256Hex } from './fingerprint.ts';
import { segmentsOf } from './mime/structure.ts';
import { decodeBase64, decodeQuotedPrintable } from './mime/transfer-encoding.ts';
import { describeRepairs, type Repair, repairForAppend, repairMessage } from './repair.ts';

const bytes = (...lines: string[]) => Buffer.from(lines.join('\r\n'), 'latin1');
const repaired = (...lines: string[]) => repairMessage(bytes(...lines));
const textOf = (raw: Buffer) => raw.toString('latin1');
const LONG = 'x'.repeat(9_900);

describe('as it is', () => {
  test('a sound message goes as it is, without a copy', () => {
    const raw = Buffer.from('Subject: x\n\nbare\rends\x80', 'latin1');
    expect(repairForAppend(raw)).toEqual({ raw, detail: null });
    expect(repairForAppend(raw).raw).toBe(raw);
  });

  test.each([
    ['NUL', 'a\0b\0', 'a\x80b\x80'],
    ['NUL among odd line ends', '\0\r\n\n\r', '\x80\r\n\n\r'],
  ])('%s is repaired, said, and does not change the fingerprint', (_, before, after) => {
    const raw = Buffer.from(before, 'latin1');
    const repaired = repairForAppend(raw);
    expect(repaired.raw.toString('latin1')).toBe(after);
    expect(repaired.detail).toEqual(expect.any(String));
    expect(fingerprintOf(repaired.raw)).toBe(fingerprintOf(raw));
    expect(repairForAppend(repaired.raw).raw).toBe(repaired.raw);
    expect(raw.toString('latin1')).toBe(before);
  });
});

describe('the minimal repair', () => {
  test('leaves a sound message alone, without a copy', () => {
    const raw = bytes('Subject: x', '', 'Gr\xfc\xdfe', '--b', 'y'.repeat(9_899), '');
    const result = repairMessage(raw);
    expect(result).toEqual({ raw, repairs: [], left: [] });
    expect(result.raw).toBe(raw);
  });

  test('T31: a draft without From, Date and Message-ID is left alone', () => {
    const raw = bytes('MIME-Version: 1.0', '', 'Draft');
    expect(repairMessage(raw).raw).toBe(raw);
  });

  test('T16: lone LF, lone CR and CR CR LF become CRLF, NUL becomes 0x80, and the fingerprint stays', () => {
    const raw = Buffer.from('Subject: x\n\na\rb\r\r\nc\0\r\n\r', 'latin1');
    const result = repairMessage(raw);
    expect(textOf(result.raw)).toBe('Subject: x\r\n\r\na\r\nb\r\nc\x80\r\n');
    expect(result).toMatchObject({ repairs: ['nul', 'line-ends'], left: [] });
    expect(fingerprintOf(result.raw)).toBe(fingerprintOf(raw));
  });

  test.each([
    ['From user@example.test Mon Jan  6 10:00:00 2020'],
    ['From - Mon Jan 06 10:00:00 2020'],
    ['From MAILER-DAEMON Thu Jan 02 9:12:30 2020 +0100'],
  ])('T19: the mbox line "%s" in front is dropped, and so is a second one', (mbox) => {
    expect(textOf(repaired(mbox, mbox, 'Subject: x', '', mbox, '').raw)).toBe(`Subject: x\r\n\r\n${mbox}\r\n`);
    expect(repaired(mbox, 'Subject: x', '', '').repairs).toEqual(['mbox-from']);
  });

  test.each(['From: user@example.test 10:00', 'From : user@example.test', 'From here on'])('"%s" stays', (first) => {
    expect(repaired(first, '', '').repairs).toEqual([]);
  });
});

describe('T18: 8-bit bytes in a header', () => {
  test.each([
    ['Subject: Gr\xfc\xdfe aus K\xf6ln', 'Subject: =?windows-1252?Q?Gr=FC=DFe?= aus =?windows-1252?Q?K=F6ln?='],
    ['Subject: a Gr\xc3\xbc\xc3\x9fe \xc3\xa0 b', 'Subject: a =?utf-8?Q?Gr=C3=BC=C3=9Fe_=C3=A0?= b'],
    ['Subject: =?utf-8?Q?a?= \xfc =?utf-8?Q?b?=', 'Subject: =?utf-8?Q?a?= =?windows-1252?Q?_=FC_?= =?utf-8?Q?b?='],
    ['From: M\xfcller <a@example.test>', 'From: =?windows-1252?Q?M=FCller?= <a@example.test>'],
    ['From: "M\xfcller, \\"B\\""<a@example.test>', 'From: =?windows-1252?Q?M=FCller=2C_=22B=22?= <a@example.test>'],
    ['To: a@example.test (M\xfc)', 'To: a@example.test (=?windows-1252?Q?M=FC?=)'],
    [
      'Content-Type: image/png; name=\xc3\xa0.png; x=y',
      'Content-Type: image/png; name="=?utf-8?Q?=C3=A0=2Epng?="; x=y',
    ],
    ['Received: from x (\xfc)', 'Received: from x =?windows-1252?Q?=28=FC=29?='],
  ])('%j is encoded', (before, after) => {
    const result = repaired(before, 'X-Other: y', '', '\xfc');
    expect(textOf(result.raw)).toBe(`${after}\r\nX-Other: y\r\n\r\n\xfc`);
    expect(result).toMatchObject({ repairs: ['eight-bit-header'], left: [] });
  });

  test.each([
    'From: A <\xfc@example.test>',
    'To: \xfc@example.test',
    'Message-ID: <\xfc@example.test>',
    'Content-Type: text/plain; charset=\xfc',
    'no field \xfc',
  ])('%j cannot be, stays, and is told', (line) => {
    const raw = bytes('X: y', line, '', '');
    expect(repairMessage(raw)).toEqual({ raw, repairs: [], left: ['eight-bit-header'] });
  });

  test('words have 75 characters at most and cut no character', () => {
    const result = textOf(repaired(`Subject: ${'\xe6\x97\xa5\xe6\x9c\xac'.repeat(40)}`, '', '').raw);
    const words = result.match(/=\?.*?\?=/g) ?? [];
    expect(Math.max(...words.map((word) => word.length))).toBeLessThanOrEqual(75);
    expect(words.every((word) => (word.match(/=[0-9A-F]{2}/g) ?? []).length % 3 === 0)).toBe(true);
  });
});

describe('T21: lines that are too long', () => {
  test('text is encoded as quoted-printable, with the same content; nothing else changes', () => {
    const body = `<p>Gr\xfc\xdfe = ${LONG}</p>  \r\n--not\r\n.\r\n`;
    const head = [
      'Subject: x',
      'MIME-Version: 1.0',
      'Content-Type: multipart/mixed; boundary=b',
      '',
      'Preamble',
      '--b',
    ];
    const part = ['Content-Type: text/html; charset=iso-8859-1', 'content-transfer-encoding: 8bit', 'X: y', '', ''];
    const rest = '\r\n--b\r\n\r\nAnother.\r\n--b--\r\nEpilogue';
    const result = repairMessage(Buffer.concat([bytes(...head, ...part), Buffer.from(body + rest, 'latin1')]));
    expect(result).toMatchObject({ repairs: ['long-line'], left: [] });
    const text = textOf(result.raw);
    const encodedHead = bytes(...head, part[0] ?? '', 'Content-Transfer-Encoding: quoted-printable', 'X: y', '', '');
    expect(text.startsWith(textOf(encodedHead))).toBe(true);
    expect(text.endsWith(rest)).toBe(true);
    const encoded = result.raw.subarray(encodedHead.length, -rest.length);
    expect(textOf(encoded)).not.toMatch(/^--|.{77}/m);
    expect(textOf(decodeQuotedPrintable(encoded))).toBe(body);
  });

  test('a message without MIME fields gets them', () => {
    const text = textOf(repaired('Subject: x', '', LONG, '').raw);
    expect(text).toMatch(/^Subject: x\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nxx/);
  });

  test('what is no text is encoded as base64', () => {
    const result = repaired('Content-Type: application/x', 'MIME-Version: 1.0', '', `\xfc${LONG}`);
    const [head, body = ''] = textOf(result.raw).split('\r\n\r\n');
    expect(head).toBe('Content-Type: application/x\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: base64');
    expect(textOf(decodeBase64(Buffer.from(body)))).toBe(`\xfc${LONG}`);
  });

  test('base64 on one line gets lines of 76, also inside an attached message', () => {
    const data = Buffer.alloc(9_000, 'data').toString('base64');
    const head = [
      'Content-Type: message/rfc822',
      '',
      'Content-Transfer-Encoding: BASE64',
      'Content-Type: image/png',
      '',
    ];
    const result = repaired(...head, data, '');
    expect(textOf(result.raw)).toBe(textOf(bytes(...head, ...(data.match(/.{1,76}/g) ?? []), '')));
  });

  test('a quoted-printable line gets soft line breaks, and no code is cut', () => {
    const line = `${'=3D'.repeat(4_000)}--=C3=BC \t`;
    const head = 'Content-Transfer-Encoding: quoted-printable';
    const result = repaired(head, '', 'short  ', line, 'end');
    const body = textOf(result.raw).slice(head.length + 4);
    expect(body).toMatch(/^short {2}\r\n(?:=3D){25}=\r\n/);
    expect(body).not.toMatch(/.{77}/);
    expect(textOf(decodeQuotedPrintable(Buffer.from(body)))).toBe(`short\r\n${'='.repeat(4_000)}--\xc3\xbc\r\nend`);
  });

  test('a header line is folded at white space', () => {
    const result = repaired(`References: ${'<a@b> '.repeat(2_000)}`, '', '');
    expect(result).toMatchObject({ repairs: ['long-header-line'], left: [] });
    expect(textOf(result.raw)).not.toMatch(/.{999}|^[ \t]+$/m);
    expect(textOf(result.raw).replaceAll('\r\n ', ' ')).toBe(`References: ${'<a@b> '.repeat(2_000)}\r\n\r\n`);
  });

  test.each([
    ['a word of a header', ['Subject: a', `X: a ${LONG} b`, '', '']],
    ['a field of which one line can be folded', ['Subject: a', `X: ${'a b '.repeat(3_000)}`, ` ${LONG}`, '', '']],
    ['the text before the first part', ['Content-Type: multipart/mixed; boundary=b', '', LONG, '--b--', '']],
    ['a multipart without boundary', ['Content-Type: multipart/mixed', '', LONG]],
    ['a report of delivery', ['Content-Type: message/delivery-status', '', LONG]],
    ['an encoding that we do not know', ['Content-Transfer-Encoding: x-uuencode', '', LONG]],
    ['base64 that is none', ['Content-Transfer-Encoding: base64', '', `${LONG}!`]],
    ['a body that may have started in the header', ['Dear all', '', LONG]],
  ])('%s stays, and is told', (_, lines) => {
    const raw = bytes(...lines);
    const mbox = bytes('From a@b Mon Jan  6 10:00:00 2020', '');
    expect(textOf(repairMessage(Buffer.concat([mbox, raw])).raw)).toBe(textOf(raw));
    const { repairs, left } = repairMessage(raw);
    expect({ repairs, left: left.map((each) => each.replace('header-', '')) }).toEqual({
      repairs: [],
      left: ['long-line'],
    });
  });
});

describe('T29: what is signed or encrypted', () => {
  const signed = (content: string, signature = 'sig') =>
    [
      'Subject: x\xfc',
      'Content-Type: multipart/signed; boundary=s; protocol="application/pkcs7-signature"',
      '',
      `--s\r\n${content}\r\n--s\r\nContent-Type: application/pkcs7-signature\r\n\r\n${signature}\r\n--s--\r\n`,
    ] as const;

  test.each([
    ['a long line', `Content-Type: text/plain\r\n\r\n${LONG}`, 'long-line'],
    ['NUL', 'Content-Type: text/plain\r\n\r\na\0b', 'nul'],
    ['a lone LF', 'Content-Type: text/plain\r\n\r\na\nb', 'line-ends'],
    ['an 8-bit header', 'Content-Type: text/plain; name=\xfc\r\n\r\nb', 'eight-bit-header'],
    ['a nested part', `Content-Type: multipart/mixed; boundary=n\r\n\r\n--n\r\n\r\n${LONG}\r\n--n--\r\n`, 'long-line'],
  ])('a signed part with %s keeps its bytes, is told, and the rest is repaired', (_, content, fault) => {
    const result = repaired(...signed(content));
    expect(result).toMatchObject({ repairs: ['eight-bit-header'], left: [fault] });
    expect(textOf(result.raw)).toContain(`\r\n--s\r\n${content}\r\n--s\r\n`);
  });

  test('the signature beside it may be repaired', () => {
    const content = 'Content-Type: text/plain\r\n\r\nText';
    const result = repaired(...signed(content, LONG));
    expect(result).toMatchObject({ repairs: ['eight-bit-header', 'long-line'], left: [] });
    expect(textOf(result.raw)).toContain(`\r\n--s\r\n${content}\r\n--s\r\n`);
  });

  test.each([
    'application/pkcs7-mime; smime-type=enveloped-data',
    'multipart/encrypted; boundary=b',
    'multipart/signed',
  ])('a body of %s keeps its bytes', (type) => {
    const body = `a\nb\0\r\n--b\r\n\r\n${LONG}\r\n--b--`;
    const result = repaired('Subject: \xfc', `Content-Type: ${type}`, '', body);
    expect(result).toMatchObject({ repairs: ['eight-bit-header'], left: ['nul', 'line-ends', 'long-line'] });
    expect(textOf(result.raw).endsWith(`\r\n\r\n${body}`)).toBe(true);
  });

  test('a DKIM signature seals nothing, and the report says what becomes of it', () => {
    const raw = bytes('DKIM-Signature: v=1', '', LONG);
    const { raw: after, repairs, left } = repairMessage(raw);
    expect({ repairs, left }).toEqual({ repairs: ['long-line'], left: [] });
    expect(describeRepairs(raw, after, repairs)).toMatch(/DKIM signature .* no longer verifies/);
  });
});

test('the report has one line with what was done and the digests of both', () => {
  const [before, after] = [bytes('a'), bytes('b')];
  const repairs: Repair[] = ['mbox-from', 'line-ends'];
  const line = describeRepairs(before, after, repairs);
  expect(line).toContain(`SHA-256 before ${sha256Hex(before)}, after ${sha256Hex(after)}.`);
  expect(line).toMatch(/^A line of an mbox file .*\. Lone CR or LF became CRLF\. SHA-256/);
  expect(line).not.toMatch(/[\r\n]|DKIM/);
});

describe('T30: hostile sizes take time and memory in proportion', () => {
  const nested = Array.from(
    { length: 1_000 },
    (_, at) => `Content-Type: multipart/mixed; boundary=b${at}\r\n\r\n--b${at}\r\n`,
  );
  const shapes: [string, Buffer][] = [
    ['100,000 header lines', Buffer.from(`${'X-A: \xfc b\n c\n'.repeat(50_000)}\n`, 'latin1')],
    ['a header line of 1 MB', Buffer.from(`Subject: ${'\xfc (" '.repeat(200_000)}\r\n\r\n`, 'latin1')],
    ['an address field of 1 MB', Buffer.from(`To: ${'(\xfc <"a'.repeat(140_000)}\r\n\r\n`, 'latin1')],
    ['a type of 1 MB', Buffer.from(`Content-Type: a/b; ${'x="(;\xfc'.repeat(140_000)}\r\n\r\n`, 'latin1')],
    ['1,000 nested multiparts', Buffer.from(`${nested.join('')}${LONG}`)],
    ['1,000 nested messages', Buffer.from(`${'Content-Type: message/rfc822\r\n\r\n'.repeat(1_000)}${LONG}`)],
    ['125,000 lines like boundaries', Buffer.from(`${nested.join('')}${'--b\r\n--b1234--x\n'.repeat(62_500)}`)],
    ['1 MB of CR', Buffer.from(`\r\n${'\r'.repeat(1_000_000)}x\r\n`)],
    ['1 MB of blanks', Buffer.from(`X:${' '.repeat(1_000_000)}x\r\n\r\n${' '.repeat(1_000_000)}x`)],
    ['encoded words without an end', Buffer.from(`Subject: ${'=?a?q?\xfc'.repeat(140_000)}\r\n\r\n`, 'latin1')],
  ];

  test.each(shapes)('%s', (_, raw) => {
    const started = performance.now();
    const { raw: after, repairs } = repairMessage(raw);
    expect(segmentsOf(after).length).toBeGreaterThan(0);
    expect(repairMessage(after).repairs).toEqual([]);
    expect(repairs.length).toBeGreaterThanOrEqual(0);
    // A second at most on two slow cores; what is quadratic takes minutes.
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});

test('T30: a field over 1 MiB is left to be wrapped', () => {
  const raw = bytes(`Subject: ${'\xfc '.repeat(1 << 20)}`, '', '');
  expect(repairMessage(raw)).toEqual({ raw, repairs: [], left: ['eight-bit-header', 'long-header-line'] });
});

describe('whatever the message', () => {
  const limits = { maxLineOctets: 998 };
  // Where NUL is replaced already, offsets are the same.
  const sealedBytes = (raw: Buffer) =>
    segmentsOf(repairForAppend(raw).raw)
      .filter(({ sealed, start, end }) => sealed && end > start)
      .map(({ start, end }) => raw.toString('latin1', start, end));

  test('a second repair finds nothing to do, and says the same of what is left', () => {
    fc.assert(
      fc.property(oddMail, (raw) => {
        const once = repairMessage(raw, limits);
        const twice = repairMessage(once.raw, limits);
        expect(twice.raw).toBe(once.raw);
        expect(twice.left).toEqual(once.left);
      }),
      { numRuns: 2_000 },
    );
  });

  test('T29: what is sealed keeps its bytes', () => {
    fc.assert(
      fc.property(oddMail, (raw) => {
        expect(sealedBytes(repairMessage(raw, limits).raw)).toEqual(sealedBytes(raw));
      }),
      { numRuns: 2_000 },
    );
  });

  test('nothing is left that is not told', () => {
    fc.assert(
      fc.property(oddMail, (raw) => {
        const { raw: after, left } = repairMessage(raw, limits);
        fc.pre(left.length === 0);
        const text = textOf(after);
        expect(text).not.toMatch(/\0|\r(?!\n)|(?<!\r)\n|[^\r\n]{999}/);
        const head = text.startsWith('\r\n') ? '' : (text.split('\r\n\r\n')[0] ?? '');
        expect(head).not.toMatch(/[\x80-\xff]/);
      }),
      { numRuns: 2_000 },
    );
  });
});
