import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { oddMail } from '../test/support/odd-mail.ts';
import { canonicalFingerprintOf } from './canonical-fingerprint.ts';
import { repairMessage } from './repair.ts';

const of = (text: string) => canonicalFingerprintOf(Buffer.from(text, 'latin1'));

const HEAD = [
  'From: "M\xfcller, Hans" <hans@example.test>',
  'To: b@example.test',
  'Cc: c@example.test',
  'Subject: Gr\xfc\xdfe  aus K\xf6ln',
  'Date: Mon, 06 Jan 2020 10:00:00 +0100',
  'Message-ID: <own@example.test>',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=b',
];
const TEXT = 'Content-Type: text/plain; charset=iso-8859-1\r\n\r\nSch\xf6ne Gr\xfc\xdfe  \r\n\r\nHans\r\n';
const FILE = 'Content-Type: application/pdf; name="a.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJDREVG';
const PARTS = ['', `--b\r\n${TEXT}`, `--b\r\n${FILE}`, '--b--', ''];
const MESSAGE = [...HEAD, ...PARTS].join('\r\n');

describe('the canonical fingerprint stays the same', () => {
  test.each([
    ['line ends', (text: string) => text.replaceAll('\r\n', '\n')],
    ['a line of mbox in front', (text: string) => `From a@b Mon Jan  6 10:00:00 2020\r\n${text}`],
    ['added fields', (text: string) => `Received: from x\r\nX-MS-Exchange: y\r\n${text}`],
    [
      'order and folds of fields',
      (text: string) => text.replace(/^(From.*?)\r\n(To.*?)\r\n/, '$2\r\n$1\r\n').replace('aus ', 'aus\r\n '),
    ],
    [
      'encoded words for 8-bit bytes',
      (text: string) => text.replace('Gr\xfc\xdfe  aus', '=?utf-8?B?R3LDvMOfZQ==?= aus'),
    ],
    [
      'a word that is cut in the middle of a character',
      (t: string) => t.replace('K\xf6ln', '=?utf-8?Q?K=C3?= =?utf-8?Q?=B6ln?='),
    ],
    ['quotes around a name', (text: string) => text.replace('"M\xfcller, Hans"', '=?iso-8859-1?Q?M=FCller=2C_Hans?=')],
    ['the zone of the date', (text: string) => text.replace('10:00:00 +0100', '09:00:00 GMT')],
    [
      'charset and encoding of text',
      (text: string) =>
        text.replace(
          TEXT,
          'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nU2Now7ZuZSBHcsO8w59lCgpIYW5z',
        ),
    ],
    ['blanks at the ends of lines', (text: string) => text.replace('Hans\r\n', 'Hans \t\r\n\r\n')],
    ['lines of base64', (text: string) => text.replace('QUJDREVG', 'QUJD\r\nREVG\r\n')],
    [
      'how a file is named',
      (text: string) => text.replace('; name="a.pdf"', "\r\nContent-Disposition: attachment; filename*=utf-8''%61.pdf"),
    ],
    ['boundaries', (text: string) => text.replace('boundary=b', 'boundary="x y"').replaceAll('--b', '--x y')],
    ['an empty text at the end', (text: string) => text.replace('--b--', '--b\r\n\r\n\r\n--b--')],
  ])('whatever happens to %s', (_, change) => {
    expect(change(MESSAGE)).not.toBe(MESSAGE);
    expect(of(change(MESSAGE))).toBe(of(MESSAGE));
  });

  test('T16, T18, T19, T21: after every repair of any message', () => {
    fc.assert(
      fc.property(oddMail, (raw) => {
        const { raw: repaired } = repairMessage(raw, { maxLineOctets: 998 });
        expect(canonicalFingerprintOf(repaired)).toBe(canonicalFingerprintOf(raw));
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('the canonical fingerprint changes', () => {
  test.each([
    ['a letter of the text', 'Sch\xf6ne', 'Sch\xf6nf'],
    ['a line of the text', 'Hans\r\n', ''],
    ['a byte of an attachment', 'QUJD', 'QUJE'],
    ['a byte of an attachment that is a line end', 'QUJDREVG', 'QUINCkVG'],
    ['the name of an attachment', 'a.pdf', 'b.pdf'],
    ['the subject', 'K\xf6ln', 'K\xf6ln?'],
    ['the hour of the date', '10:00:00', '11:00:00'],
    ['the sender', 'hans@', 'hanf@'],
    ['a recipient', 'To: b@', 'To: bb@'],
    ['a copy', 'Cc: c@', 'Cc: d@'],
    ['the Message-ID', 'own@', 'owl@'],
    ['a second part', '--b--', '--b\r\n\r\nMore\r\n--b--'],
    ['truncation', 'REVG\r\n--b--\r\n', ''],
  ])('with %s', (_, before, after) => {
    expect(MESSAGE).toContain(before);
    expect(of(MESSAGE.replace(before, after))).not.toBe(of(MESSAGE));
  });

  test('with any letter of any word of a body, however it is encoded', () => {
    const words = fc.array(fc.stringMatching(/^[a-zäöü]{1,12}$/), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(words, fc.nat(), fc.constantFrom('8bit', 'base64'), (list, at, encoding) => {
        const text = list.join(' ');
        const place = at % text.length;
        const changed = `${text.slice(0, place)}z!${text.slice(place + 1)}`;
        const raw = (content: string) =>
          `Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${
            encoding === '8bit' ? Buffer.from(content).toString('latin1') : Buffer.from(content).toString('base64')
          }`;
        expect(of(raw(changed))).not.toBe(of(raw(text)));
      }),
    );
  });

  test('with a message attached to it', () => {
    const attached = (subject: string) => `Content-Type: message/rfc822\r\n\r\nSubject: ${subject}\r\n\r\nText`;
    expect(of(attached('a'))).not.toBe(of(attached('b')));
  });
});

test('T31: a draft without From, Date and Message-ID has one, and so has nothing', () => {
  expect(of('\r\nText')).toMatch(/^[0-9a-f]{64}$/);
  expect(of('\r\nText')).not.toBe(of(''));
});

test('T30: hostile sizes take time in proportion', () => {
  const started = performance.now();
  for (const raw of [
    `${'X: y\r\n z\r\n'.repeat(50_000)}\r\n`,
    `From: ${'=?utf-8?Q?=C3?= '.repeat(50_000)}\r\nSubject: ${'"\\( \t'.repeat(200_000)}\r\n\r\n`,
    `${Array.from({ length: 1_000 }, (_, at) => `Content-Type: multipart/mixed; boundary=b${at}\r\n\r\n--b${at}\r\n`).join('')}${'--b\n'.repeat(100_000)}`,
    `\r\n${' '.repeat(1_000_000)}x${'\r'.repeat(500_000)}x${'\t\n'.repeat(200_000)}`,
    `Content-Transfer-Encoding: quoted-printable\r\n\r\n${'= ='.repeat(300_000)}`,
  ]) {
    expect(of(raw)).toMatch(/^[0-9a-f]{64}$/);
  }
  expect(performance.now() - started).toBeLessThan(10_000);
});
