import { describe, expect, test } from 'vitest';
import { parseMailDate } from './mime/date.ts';
import { receivedAtOf } from './received-at.ts';

const NOW = '2026-11-25T12:00:00Z';
const read = (text: string) => {
  const at = parseMailDate(text);
  return at === null ? null : new Date(at).toISOString().slice(0, 19);
};
const of = (internalDate: string | null, ...lines: string[]) =>
  receivedAtOf({ internalDate, raw: Buffer.from(lines.join('\r\n'), 'latin1'), now: NOW });

describe('a date of a header', () => {
  test.each([
    ['Mon, 6 Jan 2020 10:00:00 +0100', '2020-01-06T09:00:00'],
    ['6 Jan 2020 10:00 -0330', '2020-01-06T13:30:00'],
    ['Fri, 31 Dec 1999 23:59:60 GMT', '2000-01-01T00:00:00'],
    ['06-Jan-2020 10:00:00 +0000', '2020-01-06T10:00:00'],
    [' 6-Jan-2020 10:00:00 +0000', '2020-01-06T10:00:00'],
    ['2020-01-06T10:00:00.123Z', '2020-01-06T10:00:00'],
    ['2020-01-06 10:00:00 +01:00', '2020-01-06T09:00:00'],
    ['Mon Jan  6 10:00:00 2020', '2020-01-06T10:00:00'],
    ['Mon Jan  6 10:00:00 EST 2020', '2020-01-06T10:00:00'],
    ['Monday, 06-Jan-20 10:00:00 UTC', '2020-01-06T10:00:00'],
  ])('%j is read', (text, expected) => {
    expect(read(text)).toBe(expected);
  });

  test.each([
    ['two digits below 50', 'Mon, 6 Jan 20 10:00:00 +0000', '2020-01-06T10:00:00'],
    ['two digits from 50', '6 Jan 97 10:00 GMT', '1997-01-06T10:00:00'],
    ['three digits', '6 Jan 104 10:00 GMT', '2004-01-06T10:00:00'],
    ['a zone by name', '6 Jan 2020 10:00:00 PDT', '2020-01-06T17:00:00'],
    ['a letter of the military', '6 Jan 2020 10:00:00 K', '2020-01-06T10:00:00'],
    ['no zone', '6 Jan 2020 10:00:00', '2020-01-06T10:00:00'],
    ['a zone that nobody knows', '6 Jan 2020 10:00:00 MESZ', '2020-01-06T10:00:00'],
    ['a zone that cannot be', '6 Jan 2020 10:00:00 +9999', '2020-01-06T10:00:00'],
    ['comments', '(a(b)c) Mon(x), 6(y) Jan 2020 (z) 10 : 00 : 00 +0100 (CET (winter))', '2020-01-06T09:00:00'],
    ['folds', 'Mon,\r\n 6\r\n\tJan 2020\r\n 10:00:00 +0000', '2020-01-06T10:00:00'],
  ])('T66: the obsolete form with %s is read', (_, text, expected) => {
    expect(read(text)).toBe(expected);
  });

  test.each([
    '',
    '(Invalid)',
    'Whenever',
    '31 Feb 2020 10:00:00',
    '6 Foo 2020 10:00',
    '6 Jan 2020 24:01',
    '((((((',
    '6 Jan 2020',
  ])('T66: %j is none', (text) => {
    expect(read(text)).toBe(null);
  });

  test('what is long is not read to its end', () => {
    expect(read(`${'('.repeat(1_000_000)}6 Jan 2020 10:00`)).toBe(null);
    expect(read(`6 Jan 2020 10:00:00 +0100 ${'x '.repeat(1_000_000)}`)).toBe('2020-01-06T09:00:00');
  });
});

describe('when a message was received', () => {
  const received = (date: string) => `Received: from a (b; c)\r\n by d with SMTP\r\n id e; ${date}`;

  test('is INTERNALDATE, to the second, in UTC', () => {
    expect(of('2020-01-06T10:00:00Z', received('7 Jan 2020 10:00:00 +0000'), '', '')).toEqual({
      at: '2020-01-06T10:00:00Z',
      from: 'internaldate',
    });
    expect(of(' 6-Jan-2020 10:00:00 +0100')).toEqual({ at: '2020-01-06T09:00:00Z', from: 'internaldate' });
  });

  test.each([
    null,
    'garbage',
    '',
    '1970-01-01T00:00:00Z',
    '1904-01-01T00:00:00Z',
    '2026-11-26T12:00:01Z',
    '2099-01-01T00:00:00Z',
  ])('T46: where INTERNALDATE is %j, it is that of the topmost Received line', (internalDate) => {
    const lines = [received('Tue, 7 Jan 2020 10:00:00 +0100 (CET; x)'), received('6 Jan 2020 10:00:00 +0000'), '', ''];
    expect(of(internalDate, 'Date: 5 Jan 2020 10:00:00 GMT', ...lines)).toEqual({
      at: '2020-01-07T09:00:00Z',
      from: 'received',
    });
  });

  test('T46: a Received line without a sane date is passed over', () => {
    const lines = [received('Thu, 01 Jan 1970 00:00:00 +0000'), 'Received: by x', received('6 Jan 2020 10:00:00 GMT')];
    expect(of(null, ...lines, '', '')).toEqual({ at: '2020-01-06T10:00:00Z', from: 'received' });
  });

  test('T46: without Received it is Date, and text in the body is no header', () => {
    expect(of(null, 'date : 5 Jan 20 10:00 GMT', '', received('6 Jan 2020 10:00:00 GMT'))).toEqual({
      at: '2020-01-05T10:00:00Z',
      from: 'date',
    });
  });

  test.each([
    '(Invalid)',
    '1 Jan 1970 00:00:00 GMT',
    'Fri, 01 Jan 2099 00:00:00 +0000',
    'Mon, 01 Jan 0000 00:00:00 +0000',
  ])('T66: Date: %s tells nothing', (date) => {
    expect(of(null, `Date: ${date}`, '', '')).toEqual({ at: null, from: 'none' });
  });

  test('a clock that is a day fast is believed', () => {
    expect(of('2026-11-26T12:00:00Z').from).toBe('internaldate');
    expect(of('1970-01-02T00:00:00Z').from).toBe('internaldate');
  });

  test('T19: it is found behind a line of mbox and with any line ends', () => {
    expect(of(null, `From a@b Mon Jan  6 10:00:00 2020\nX: y\rDate: 5 Jan 2020 10:00:00 GMT\n\n`).at).toBe(
      '2020-01-05T10:00:00Z',
    );
  });
});
