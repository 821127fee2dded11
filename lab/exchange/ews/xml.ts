import { DOMParser, type Document, type Element } from '@xmldom/xmldom';

/** Of SOAP 1.1 and of EWS (learn.microsoft.com/exchange/client-developer/web-service-reference). */
export const NAMESPACES = {
  soap: 'http://schemas.xmlsoap.org/soap/envelope/',
  t: 'http://schemas.microsoft.com/exchange/services/2006/types',
  m: 'http://schemas.microsoft.com/exchange/services/2006/messages',
  e: 'http://schemas.microsoft.com/exchange/services/2006/errors',
} as const;

/** @throws Error for what is not well-formed, and for a document type, which no service parses */
export function parseXml(text: string): Document {
  const parser = new DOMParser({
    onError: (level, message) => {
      if (level !== 'warning') throw new Error(String(message).split('\n')[0]);
    },
  });
  const document = parser.parseFromString(text.replace(/^\uFEFF/, ''), 'text/xml');
  if (document.doctype !== null) throw new Error('For security reasons DTD is prohibited in this XML document.');
  return document;
}

export function childElements(parent: Element): Element[] {
  const found: Element[] = [];
  for (let node = parent.firstChild; node !== null; node = node.nextSibling) {
    if (node.nodeType === node.ELEMENT_NODE) found.push(node as Element); // the type was just looked at
  }
  return found;
}

export function childNamed(parent: Element | null, name: string): Element | null {
  return (parent === null ? [] : childElements(parent)).find((each) => each.localName === name) ?? null;
}

export function textOf(element: Element | null): string {
  return element?.textContent ?? '';
}

/** `xml('t:Value', {}, escaped('a < b'))`; children are XML already. */
export function xml(
  name: string,
  attributes: Readonly<Record<string, string | number | boolean>> = {},
  ...children: string[]
): string {
  const head = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(String(value))}"`);
  return children.length === 0
    ? `<${name}${head.join('')} />`
    : `<${name}${head.join('')}>${children.join('')}</${name}>`;
}

/** Text for XML; characters that XML 1.0 cannot hold are left out. */
export function escaped(text: string): string {
  return text
    .replace(/[^\t\n\r\x20-\uFFFD]/g, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\r', '&#xD;');
}
