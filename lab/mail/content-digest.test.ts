import { describe, expect, test } from 'vitest';
import { wrapMessage } from '../../domain/wrap.ts';
import { contentDigestOf, isCopyOf } from './content-digest.ts';

const HEAD = [
  'From: Ann <ann@example.test>',
  'To: bob@example.test',
  'Date: Fri, 2 Jan 2026 03:04:05 +0000',
  'Message-ID: <1@example.test>',
  'MIME-Version: 1.0',
];
const HTML = '<p>Gr\u00fc\u00dfe</p>';

function mail(lines: readonly string[]): Buffer {
  return Buffer.from([...HEAD, ...lines].join('\r\n'));
}

function withFile(content: string, boundary = 'b'): Buffer {
  return mail([
    'Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=',
    `Content-Type: multipart/mixed; boundary=${boundary}`,
    '',
    `--${boundary}`,
    'Content-Type: text/html; charset=utf-8',
    'Content-Transfer-Encoding: base64',
    '',
    Buffer.from(HTML).toString('base64'),
    `--${boundary}`,
    'Content-Type: application/octet-stream; name=a.bin',
    'Content-Transfer-Encoding: base64',
    '',
    Buffer.from(content).toString('base64'),
    `--${boundary}--`,
    '',
  ]);
}

describe('the digest of what a reader sees', () => {
  test('is the same under another boundary, encoding of the subject and order of headers', async () => {
    const other = withFile('file', 'other')
      .toString()
      .replace('=?utf-8?Q?Gr=C3=BC=C3=9Fe?=', '=?utf-8?B?R3LDvMOfZQ==?=');
    expect(await contentDigestOf(Buffer.from(`X-Trace: yes\r\n${other}`))).toBe(
      await contentDigestOf(withFile('file')),
    );
  });

  test('takes octets in a header that are no UTF-8 for Latin-1', async () => {
    const latin = Buffer.from([...HEAD, 'Subject: Gr\xfc\xdfe', '', 'text'].join('\r\n'), 'latin1');
    expect(await contentDigestOf(latin)).toBe(await contentDigestOf(mail(['Subject: Gr\u00fc\u00dfe', '', 'text'])));
  });

  test('tells of several texts the HTML one', async () => {
    const alternative = mail([
      'Subject: x',
      'Content-Type: multipart/alternative; boundary=b',
      '',
      '--b',
      'Content-Type: text/plain',
      '',
      'left out',
      '--b',
      'Content-Type: text/html; charset=utf-8',
      '',
      HTML,
      '--b--',
      '',
    ]);
    const single = mail(['Subject: x', 'Content-Type: text/html; charset=utf-8', '', HTML]);
    expect(await contentDigestOf(alternative)).toBe(await contentDigestOf(single));
  });

  test.each([
    ['a byte of an attachment', withFile('filf')],
    ['the subject', Buffer.from(withFile('file').toString().replace('Gr=C3=BC', 'Gr=C3=BD'))],
    ['the Message-ID', Buffer.from(withFile('file').toString().replace('<1@', '<2@'))],
    ['the recipient', Buffer.from(withFile('file').toString().replace('bob@', 'rob@'))],
    ['the second of its date', Buffer.from(withFile('file').toString().replace('03:04:05', '03:04:06'))],
    [
      'a letter of the text',
      Buffer.from(
        withFile('file')
          .toString()
          .replace(Buffer.from(HTML).toString('base64'), Buffer.from('<p>Gr\u00fc\u00dfen</p>').toString('base64')),
      ),
    ],
  ])('differs with %s', async (_what, other) => {
    expect(await contentDigestOf(other)).not.toBe(await contentDigestOf(withFile('file')));
  });

  test('keeps the bytes of an attached message', async () => {
    const attached = (text: string) =>
      mail([
        'Subject: x',
        'Content-Type: multipart/mixed; boundary=b',
        '',
        '--b',
        'Content-Type: message/rfc822',
        '',
        `Subject: ${text}`,
        '',
        'body',
        '--b--',
        '',
      ]);
    expect(await contentDigestOf(attached('one'))).not.toBe(await contentDigestOf(attached('two')));
  });

  test('lets a target give what the message lacks, and change nothing that it has', async () => {
    const without = (...names: readonly string[]) =>
      Buffer.from(
        [...HEAD.filter((line) => !names.some((name) => line.startsWith(name))), 'Subject: x', '', 'text'].join('\r\n'),
      );
    const [whole, bare] = await Promise.all([without(), without('Date', 'Message-ID', 'From')].map(contentDigestOf));
    expect(isCopyOf(whole ?? '', whole ?? '')).toBe(true);
    expect(isCopyOf(whole ?? '', bare ?? '')).toBe(true);
    expect(isCopyOf(bare ?? '', whole ?? '')).toBe(false);
    expect(isCopyOf(await contentDigestOf(Buffer.from(without().toString().replace('text', 'next'))), bare ?? '')).toBe(
      false,
    );
  });

  test('of a stub is that of the message in it, byte for byte, or its own', async () => {
    const original = mail(['Subject: x', '', 'text', '']);
    const stub = wrapMessage(original, { receivedAt: null, reason: 'No header.' });
    expect(await contentDigestOf(stub)).toBe(await contentDigestOf(original));
    const other = wrapMessage(mail(['Subject: y', '', 'text', '']), { receivedAt: null, reason: 'No header.' });
    const named = /sha256=\w+/.exec(stub.toString())?.[0] ?? '';
    const untrue = Buffer.from(other.toString().replace(/sha256=\w+/, named));
    expect(await contentDigestOf(untrue)).not.toBe(await contentDigestOf(original));
  });
});
