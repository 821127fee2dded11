import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rewrite } from '../adapters/memory/rewriting.ts';
import { oddMail } from '../test/support/odd-mail.ts';
import { fingerprintOf } from './fingerprint.ts';
import { jsonFormOf } from './json-form.ts';
import { isReadable, isSameMark, keyOfMark, markLike, markOf } from './marks.ts';

const HTML = Buffer.from(
  'From: Ann <ann@example.test>\r\nSubject: x\r\nDate: Mon, 6 Jan 2020 10:00:00 +0000\r\nMessage-ID: <1@example.test>\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n--a\r\n\r\nHello\r\n--a\r\nContent-Type: text/html\r\n\r\n<p>Hello</p>\r\n--a--\r\n',
);

describe('the mark of a copy', () => {
  test('is its fingerprint where the target gives back the bytes', () => {
    expect(markOf(HTML, 'bytes')).toBe(fingerprintOf(HTML));
  });

  test('T36: is the same when the target drops Message-ID and writes header and text anew', () => {
    const plain = Buffer.from('Message-ID: <1@x>\r\nSubject: x\r\n\r\ntext\r\n');
    for (const raw of [HTML, plain]) {
      expect(rewrite(raw).equals(raw)).toBe(false);
      for (const fidelity of ['content', 'parts'] as const)
        expect(markOf(rewrite(raw), fidelity)).toBe(markOf(raw, fidelity));
    }
  });

  test('tells apart what a route that keeps the content has lost of it', () => {
    const flat = jsonFormOf(HTML).raw;
    expect(isSameMark(markOf(HTML, 'content'), markOf(flat, 'content'))).toBe(false);
    // A route that has parts only cannot tell, and a copy that was brought by it is none the worse for that.
    expect(isSameMark(markOf(HTML, 'content'), markOf(flat, 'parts'))).toBe(true);
    expect(isSameMark(markOf(flat, 'parts'), markOf(flat, 'content'))).toBe(true);
    expect(keyOfMark(markOf(HTML, 'content'))).toBe(markOf(flat, 'parts'));
  });

  test('does not see what Exchange puts around HTML, nor names of correspondents', () => {
    const text = HTML.toString('latin1');
    const wrapped = text.replace(
      '<p>Hello</p>',
      '<html><head>\r\n<meta http-equiv="Content-Type" content="text/html; charset=utf-8"></head><body><p>Hello</p></body></html>',
    );
    const named = text.replace('Ann <ann@', '"Ann Smith" <Ann@');
    for (const other of [wrapped, named]) expect(markOf(Buffer.from(other), 'parts')).toBe(markOf(HTML, 'parts'));
  });

  test.each(['Hello</p>', 'Subject: x', 'ann@example', '10:00:00'])('is another one when %s is another', (from) => {
    const other = Buffer.from(HTML.toString('latin1').replace(from, from.replace(/\w/, 'y').replace('10:', '11:')));
    for (const fidelity of ['bytes', 'content', 'parts'] as const)
      expect(markOf(other, fidelity)).not.toBe(markOf(HTML, fidelity));
  });

  test('of one kind is read where the target gives back enough', () => {
    expect(markLike(HTML, 'parts', markOf(HTML, 'bytes'))).toBeNull();
    expect(isReadable(markOf(HTML, 'bytes'), 'content')).toBe(false);
    for (const fidelity of ['bytes', 'content', 'parts'] as const) {
      for (const wanted of ['content', 'parts'] as const) {
        const mark = markOf(HTML, wanted);
        expect(isSameMark(markLike(HTML, fidelity, mark) ?? '', mark)).toBe(true);
        expect(isReadable(mark, fidelity)).toBe(true);
      }
    }
  });

  test('of parts is that of the form that carries them, for any mail that is not signed', () => {
    fc.assert(
      fc.property(oddMail, (raw) => {
        const form = jsonFormOf(raw);
        if (form.lost.some((each) => each.includes('signed'))) return;
        expect(markOf(form.raw, 'parts')).toBe(markOf(raw, 'parts'));
      }),
      { numRuns: 200 },
    );
  });
});
