import { DOMParser, type Element, MIME_TYPE, type Node } from '@xmldom/xmldom';

/**
 * XML as Exchange Web Services speak it. What we send is put together here and escaped; what comes is read by xmldom, which loads
 * nothing from outside, and a document with a DTD, the only home of entities, is refused before that.
 */

export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** `children` are XML already; text goes through {@link escapeXml} first. */
export function xml(name: string, attributes: Attributes = {}, ...children: readonly string[]): string {
  const given = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeXml(String(value))}"`);
  return children.length === 0
    ? `<${name}${given.join('')}/>`
    : `<${name}${given.join('')}>${children.join('')}</${name}>`;
}

/** Characters that XML 1.0 §2.2 has no way to write at all become U+FFFD; CR and LF survive as references (§2.11, §3.3.3). */
export function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replace(/[&<>"'\t\n\r]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** @returns the root; null for what is no well-formed document without a DTD */
export function parseXml(text: string): Element | null {
  try {
    const parser = new DOMParser({
      onError: (level, message) => {
        if (level !== 'warning') throw new Error(message);
      },
    });
    const document = parser.parseFromString(text, MIME_TYPE.XML_TEXT);
    return document.doctype === null ? document.documentElement : null;
  } catch {
    return null;
  }
}

export function childElements(parent: Element): readonly Element[] {
  const found: Element[] = [];
  for (let node = parent.firstChild as Node | null; node !== null; node = node.nextSibling) {
    if (node.nodeType === node.ELEMENT_NODE) found.push(node as Element); // by its type
  }
  return found;
}

/** Children of that local name, along a path of names; the namespaces of EWS have no name twice. */
export function findAll(parent: Element, ...path: readonly string[]): readonly Element[] {
  return path.reduce<readonly Element[]>(
    (found, name) => found.flatMap(childElements).filter(({ localName }) => localName === name),
    [parent],
  );
}

export function find(parent: Element, ...path: readonly string[]): Element | null {
  return findAll(parent, ...path)[0] ?? null;
}

export function textOf(parent: Element, ...path: readonly string[]): string | null {
  return find(parent, ...path)?.textContent ?? null;
}
