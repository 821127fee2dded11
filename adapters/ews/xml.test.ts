import { describe, expect, test } from 'vitest';
import { escapeXml, find, findAll, parseXml, textOf, xml } from './xml.ts';

describe('what is written', () => {
  test('comes back as it was, whatever is in it', () => {
    const text = `a <b> & "c" 'd' ]]> é 日 😀 tab\tline\r\nend`;
    const root = parseXml(xml('root', { at: text }, xml('text', {}, escapeXml(text))));
    expect(root?.getAttribute('at')).toBe(text);
    expect(root && textOf(root, 'text')).toBe(text);
  });

  test('has a stand-in for what XML cannot hold', () => {
    expect(escapeXml('a\u0000b\u001fc\ud800d\ufffee')).toBe('a\ufffdb\ufffdc\ufffdd\ufffde');
  });
});

describe('what is read', () => {
  test('is found by its names, whatever the prefixes', () => {
    const root = parseXml('<a:r xmlns:a="urn:a"><b xmlns="urn:b"><c>1</c><c>2</c></b></a:r>');
    expect(root && findAll(root, 'b', 'c').map(({ textContent }) => textContent)).toEqual(['1', '2']);
    expect(root && find(root, 'c')).toBeNull();
  });

  test.each([
    ['an entity of its own', '<!DOCTYPE r [<!ENTITY e "boom">]><r>&e;</r>'],
    ['an entity of a file', '<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/hostname">]><r>&e;</r>'],
    ['a DTD that nobody uses', '<!DOCTYPE r><r/>'],
    ['an entity that nobody declared', '<r>&e;</r>'],
    ['half a document', '<r><a>'],
    ['a page of HTML', '<html><body><p>Service Unavailable<br></body></html>'],
    ['nothing', ''],
  ])('%s is no answer', (_what, text) => {
    expect(parseXml(text)).toBeNull();
  });
});
