import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { oddMail } from '../test/support/odd-mail.ts';
import { isSealed, jsonFormOf } from './json-form.ts';
import { nameOfPart, partsOf, readField, readPart } from './mime/parts.ts';

const HEAD = [
  'Received: by a; Mon, 6 Jan 2020 10:00:00 +0000',
  'From: "Ann" <ann@example.test>',
  'Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=',
];

function mail(...lines: readonly string[]): Buffer {
  return Buffer.from([...HEAD, ...lines].join('\r\n'), 'latin1');
}

function part(boundary: string, type: string, content: string, ...more: readonly string[]): readonly string[] {
  return [`--${boundary}`, `Content-Type: ${type}`, ...more, '', content];
}

/** Body first, then attachments: type, name and content. */
function shown(raw: Buffer) {
  return partsOf(raw).leaves.map((leaf) => {
    const id = readField(raw, leaf.header, 'content-id');
    const name = nameOfPart(raw, leaf);
    return [
      leaf.header.type.value,
      ...(name === null ? [] : [name]),
      readPart(raw, leaf).toString(),
      ...(id ? [id] : []),
    ];
  });
}

describe('a message in its JSON form', () => {
  test('has its header as it was, and its text in UTF-8', () => {
    const { raw, lost } = jsonFormOf(
      mail('MIME-Version: 1.0', 'Content-Type: text/plain; charset=iso-8859-1', 'X-Own: 1', '', 'Gr\xfc\xdfe\r\n'),
    );
    expect(raw.toString('latin1').startsWith(`${[...HEAD, 'X-Own: 1', 'MIME-Version: 1.0'].join('\r\n')}\r\n`)).toBe(
      true,
    );
    expect(shown(raw)).toEqual([['text/plain', 'Grüße\r\n']]);
    expect(lost).toEqual([]);
  });

  test('has the HTML of an alternative with its pictures inline, and tells that the plain text is left out', () => {
    const related = ['--a', 'Content-Type: multipart/related; boundary=r', ''];
    const { raw, lost } = jsonFormOf(
      mail(
        ...[
          'Content-Type: multipart/mixed; boundary=m',
          '',
          '--m',
          'Content-Type: multipart/alternative; boundary=a',
          '',
        ],
        ...[...part('a', 'text/plain', 'Hello'), ...related, ...part('r', 'text/html', '<b>Hello</b>')],
        ...[...part('r', 'image/png', 'PNG', 'Content-ID: <p1@example.test>'), '--r--', '--a--'],
        ...[...part('m', 'application/pdf; name="=?utf-8?Q?=C3=BC.pdf?="', 'PDF'), '--m--'],
      ),
    );
    expect(shown(raw)).toEqual([
      ['text/html', '<b>Hello</b>'],
      ['image/png', 'image-1.png', 'PNG', '<p1@example.test>'],
      ['application/pdf', 'ü.pdf', 'PDF'],
    ]);
    expect(raw.toString('latin1')).toMatch(/Content-Disposition: inline;\r\n filename="=\?utf-8\?Q\?image-1=2Epng/);
    expect(lost).toEqual(['Its plain text, which says what the HTML says, was left out.']);
  });

  test('has the first text as its body where there is no alternative, and the others as files', () => {
    const { raw, lost } = jsonFormOf(
      mail(
        'Content-Type: multipart/mixed; boundary=m',
        '',
        ...part('m', 'text/plain', 'one'),
        ...part('m', 'text/html', '<p>footer</p>'),
        ...part('m', 'text/plain', ' \r\n'),
        '--m--',
      ),
    );
    expect(shown(raw)).toEqual([
      ['text/plain', 'one'],
      ['text/html', 'text-1.html', '<p>footer</p>'],
    ]);
    expect(lost).toEqual(['A further text of it is attached as a file.']);
  });

  test('has attached messages as files with their very bytes', () => {
    const inner = 'Subject: inner\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\nx\r\n--i--';
    const { raw, lost } = jsonFormOf(
      mail(
        'Content-Type: multipart/mixed; boundary=m',
        '',
        ...part('m', 'text/plain', 'see'),
        ...part('m', 'message/rfc822; name="Old mail"', inner),
        ...part('m', 'message/rfc822', 'Subject: y\r\n\r\ny'),
        '--m--',
      ),
    );
    expect(shown(raw).slice(1)).toEqual([
      ['application/octet-stream', 'Old mail.eml', inner],
      ['application/octet-stream', 'message-2.eml', 'Subject: y\r\n\r\ny'],
    ]);
    expect(lost).toEqual(['A message that was attached to it is a file (.eml) now, with the same bytes.']);
  });

  test('of a report has what people read, and the rest attached', () => {
    const { raw, lost } = jsonFormOf(
      mail(
        ...['Content-Type: multipart/report; report-type=delivery-status; boundary=m', ''],
        ...[...part('m', 'text/plain', 'It failed.'), ...part('m', 'message/delivery-status', 'Action: failed\r\n')],
        ...[...part('m', 'text/rfc822-headers', 'Subject: z\r\n'), '--m--'],
      ),
    );
    expect(shown(raw)).toEqual([
      ['text/plain', 'It failed.'],
      ['message/delivery-status', 'delivery-status.txt', 'Action: failed\r\n'],
      ['text/rfc822-headers', 'headers.txt', 'Subject: z\r\n'],
    ]);
    expect(lost).toEqual([
      'It was a report of delivery or reading; as an ordinary message it has its parts for programs attached.',
    ]);
  });

  test('of a multipart whose parts nobody can find is one text, and tells so', () => {
    const { raw, lost } = jsonFormOf(mail('Content-Type: multipart/report;', '', 'Could not be delivered.\r\n'));
    expect(shown(raw)).toEqual([['text/plain', 'Could not be delivered.\r\n']]);
    expect(lost).toEqual(['It says that it has several parts and not where they begin, so they are one text.']);
  });

  test('of an invitation has the text, and the invitation as a file', () => {
    const { raw, lost } = jsonFormOf(
      mail(
        'Content-Type: multipart/alternative; boundary=a',
        '',
        ...part('a', 'text/plain', 'Meet?'),
        ...part('a', 'text/calendar; method=REQUEST', 'BEGIN:VCALENDAR'),
        '--a--',
      ),
    );
    expect(shown(raw)).toEqual([
      ['text/plain', 'Meet?'],
      ['text/calendar', 'invite.ics', 'BEGIN:VCALENDAR'],
    ]);
    expect(lost).toEqual([
      'The invitation in it is attached as a file (.ics): it cannot be answered from the calendar.',
    ]);
  });

  test('keeps winmail.dat as it is', () => {
    const { raw, lost } = jsonFormOf(
      mail(
        'Content-Type: multipart/mixed; boundary=m',
        '',
        ...part('m', 'text/plain', 'x'),
        ...part('m', 'application/ms-tnef; name=winmail.dat', 'TNEF'),
        '--m--',
      ),
    );
    expect(shown(raw)[1]).toEqual(['application/ms-tnef', 'winmail.dat', 'TNEF']);
    expect(lost).toEqual([]);
  });

  test('T29: tells what is signed or encrypted, and that it is broken where it is flattened all the same', () => {
    const signed = mail(
      'Content-Type: multipart/signed; boundary=s',
      '',
      ...part('s', 'text/plain', 'x'),
      ...part('s', 'application/pgp-signature; name=signature.asc', 'SIG'),
      '--s--',
    );
    const encrypted = mail(
      'Content-Type: application/pkcs7-mime; name=smime.p7m',
      'Content-Transfer-Encoding: base64',
      '',
      'AAEC',
    );
    const attached = mail(
      'Content-Type: multipart/mixed; boundary=m',
      '',
      '--m',
      'Content-Type: message/rfc822',
      '',
      signed.toString('latin1'),
      '--m--',
    );
    expect([signed, encrypted, attached, mail('', 'x')].map(isSealed)).toEqual([true, true, false, false]);
    for (const raw of [signed, encrypted]) expect(jsonFormOf(raw).lost.join()).toMatch(/signed or encrypted/);
    expect(shown(jsonFormOf(signed).raw)[1]).toEqual(['application/pgp-signature', 'signature.asc', 'SIG']);
  });

  test('is the same when it is made twice, of any mail', () => {
    fc.assert(
      fc.property(oddMail, (raw) => {
        const once = jsonFormOf(raw).raw;
        expect(jsonFormOf(once).raw.equals(once)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});
