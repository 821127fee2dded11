import fc from 'fast-check';
import { expect, test } from 'vitest';
import { oddMail } from '../../test/support/odd-mail.ts';
import { partsOf, readPart } from './parts.ts';

function told(lines: readonly string[]): readonly string[] {
  const raw = Buffer.from(lines.join('\r\n'));
  return partsOf(raw).leaves.map((part) => {
    const within = part.within.map(({ type }) => type.value.replace('multipart/', '')).join('>');
    return `${within} ${part.header.type.value}: ${readPart(raw, part).toString().replace(/\r\n/g, '|')}`;
  });
}

const INNER = [
  'Subject: inner',
  'Content-Type: multipart/mixed; boundary=i',
  '',
  'before',
  '--i',
  '',
  'one',
  '--i',
  '',
  'two',
  '--i--',
  'after',
];

test('leaves of nested multiparts, in order, with what they are in', () => {
  const lines = ['Content-Type: multipart/mixed; boundary=o', '', 'preamble', '--o'];
  const alternative = [
    'Content-Type: multipart/alternative; boundary=a',
    '',
    '--a',
    '',
    'text',
    '--a',
    'Content-Type: text/html',
    '',
    '<p>',
    '--a--',
    '',
  ];
  const base64 = ['Content-Type: image/png', 'Content-Transfer-Encoding: base64', '', 'YWJj', '--o--', 'epilogue'];
  expect(told([...lines, ...alternative, '--o', ...base64])).toEqual([
    'mixed>alternative text/plain: text',
    'mixed>alternative text/html: <p>',
    'mixed image/png: abc',
  ]);
});

test('an attached message is one leaf with all its bytes, wherever it ends', () => {
  const message = ['Content-Type: message/rfc822', '', ...INNER];
  const whole = `message/rfc822: ${INNER.join('|')}`;
  const head = ['Content-Type: multipart/mixed; boundary=o', '', '--o'];
  expect(told([...head, ...message, '--o', '', 'next', '--o--'])).toEqual([`mixed ${whole}`, 'mixed text/plain: next']);
  expect(told([...head, ...message, '--o--', 'end'])).toEqual([`mixed ${whole}`]);
  expect(told([...head, ...message])).toEqual([`mixed ${whole}`]);
  expect(told(message)).toEqual([` ${whole}`]);
  // One in another, and the boundary of the outer multipart ends both.
  const nested = ['Content-Type: message/rfc822', '', 'Subject: outer', ...message];
  expect(told([...head, ...nested, '--o', '', 'next', '--o--'])).toEqual([
    `mixed message/rfc822: Subject: outer|${message.join('|')}`,
    'mixed text/plain: next',
  ]);
});

test('a message without parts is one leaf; an empty one too', () => {
  expect(told(['Subject: x', '', 'text'])).toEqual([' text/plain: text']);
  expect(told(['Subject: x'])).toEqual([' text/plain: ']);
  expect(partsOf(Buffer.alloc(0)).leaves).toHaveLength(1);
});

test('leaves of any mail lie side by side within it', () => {
  fc.assert(
    fc.property(oddMail, (raw) => {
      let last = 0;
      for (const { start, end, header } of partsOf(raw).leaves) {
        expect(header.start).toBeGreaterThanOrEqual(last);
        expect(start).toBeGreaterThanOrEqual(header.start);
        expect(end).toBeGreaterThanOrEqual(start);
        last = end;
      }
      expect(last).toBeLessThanOrEqual(raw.length);
    }),
    { numRuns: 300 },
  );
});
