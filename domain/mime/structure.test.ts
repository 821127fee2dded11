import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { oddMail } from '../../test/support/odd-mail.ts';
import { segmentsOf } from './structure.ts';

function show(...lines: string[]): string[] {
  const raw = Buffer.from(lines.join('\r\n'), 'latin1');
  return segmentsOf(raw).map(({ kind, start, end, sealed }) => {
    return `${sealed ? 'sealed ' : ''}${kind} ${raw.toString('latin1', start, end).replaceAll('\r\n', '|')}`;
  });
}

test('all segments of a message, in order, are the whole message', () => {
  fc.assert(
    fc.property(oddMail, (raw) => {
      const pieces = segmentsOf(raw).map(({ start, end }) => raw.subarray(start, end));
      expect(Buffer.concat(pieces).equals(raw)).toBe(true);
    }),
    { numRuns: 1_000 },
  );
});

test('the line end before a boundary belongs to the boundary', () => {
  expect(
    show('Content-Type: multipart/mixed; boundary="b"', '', 'pre', '--b', 'A: b', '', 'text', '--b--', 'post'),
  ).toEqual([
    'header Content-Type: multipart/mixed; boundary="b"||',
    'glue pre',
    'glue |--b|',
    'header A: b||',
    'body text',
    'glue |--b--|post',
  ]);
});

test('a boundary of an outer part closes the inner ones, and a part may have no body', () => {
  const inner = 'Content-Type: multipart/mixed; boundary=i';
  expect(
    show('Content-Type: multipart/mixed; boundary=o', '', '--o', inner, '', '--i', 'A: b', '--o', '', 'x', '--i', ''),
  ).toEqual([
    'header Content-Type: multipart/mixed; boundary=o||',
    'glue --o|',
    `header ${inner}||`,
    'glue --i|',
    'header A: b|',
    'glue --o|',
    'header |',
    'body x|--i|',
  ]);
});

describe('what is no boundary', () => {
  test.each(['--bb', ' --b', '--b x', '-b', '--', '--B'])('%j', (line) => {
    expect(show('Content-Type: multipart/mixed; boundary=b', '', '--b', '', line, '--b-- \t').at(-2)).toBe(
      `body ${line}`,
    );
  });
});

test('T29: the first part of multipart/signed is sealed with its header, and its boundaries are not', () => {
  const signed = [
    'Content-Type: multipart/signed; boundary=s',
    '',
    '--s',
    'A: b',
    '',
    'text',
    '--s',
    'C: d',
    '',
    'sig',
    '--s--',
  ];
  expect(show(...signed)).toEqual([
    'header Content-Type: multipart/signed; boundary=s||',
    'glue --s|',
    'sealed header A: b||',
    'sealed body text',
    'glue |--s|',
    'header C: d||',
    'body sig',
    'glue |--s--',
  ]);
});

test('T29: S/MIME as a part is sealed with its header; as a message without, as servers add to that', () => {
  const type = 'Content-Type: Application/PKCS7-MIME (x); smime-type=signed-data';
  expect(show(type, '', 'data')).toEqual([`header ${type}||`, 'sealed body data']);
  expect(show('Content-Type: multipart/mixed; boundary=b', '', '--b', type, '', 'data').slice(2)).toEqual([
    `sealed header ${type}||`,
    'sealed body data',
  ]);
});

test('a message attached to a message has a header of its own, also by default in a digest', () => {
  expect(show('Content-Type: multipart/digest; boundary=b', '', '--b', '', 'Subject: x', '', 'text').slice(2)).toEqual([
    'header |',
    'header Subject: x||',
    'body text',
  ]);
});
