import { bodyOffset, fieldValues } from './message-parts.ts';

/** A piece of a response: text as it is, or bytes that go out as a literal. */
export type Piece = string | Buffer;

/** `ENVELOPE` of RFC 3501 §7.4.2. Addresses are taken apart simply; groups and comments stay in the name. */
export function envelopeOf(raw: Buffer): Piece[] {
  const first = (name: string) => fieldValues(raw, name)[0] ?? null;
  const from = addressList(first('From'));
  const pieces: Piece[] = ['('];
  const add = (...more: Piece[]) => pieces.push(...(pieces.length > 1 ? [' '] : []), ...more);
  add(...nstring(first('Date')));
  add(...nstring(first('Subject')));
  add(...from);
  // RFC 3501 §7.4.2: without Sender or Reply-To the server puts From there.
  for (const name of ['Sender', 'Reply-To']) add(...(first(name) === null ? from : addressList(first(name))));
  for (const name of ['To', 'Cc', 'Bcc']) add(...addressList(first(name)));
  add(...nstring(first('In-Reply-To')));
  add(...nstring(first('Message-ID')));
  return [...pieces, ')'];
}

/** `BODYSTRUCTURE`, kept to one part: no client of ours takes messages apart by the server's parse. */
export function bodyStructureOf(raw: Buffer): Piece[] {
  const body = raw.subarray(bodyOffset(raw));
  let lines = 0;
  for (let at = body.indexOf(0x0a); at >= 0; at = body.indexOf(0x0a, at + 1)) lines += 1;
  return [`("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "8BIT" ${body.length} ${lines})`];
}

/** A string as quoted text, or as a literal where it has bytes that a quoted string may not hold; null as NIL. */
export function nstring(value: string | null): Piece[] {
  if (value === null) return ['NIL'];
  if (/^[\x20-\x7e]*$/.test(value)) return [`"${value.replace(/["\\]/g, '\\$&')}"`];
  return [Buffer.from(value, 'latin1')];
}

function addressList(value: string | null): Piece[] {
  const addresses = (value ?? '').match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g)?.filter((text) => text.trim() !== '') ?? [];
  if (addresses.length === 0) return ['NIL'];
  return ['(', ...addresses.flatMap((text) => address(text.trim())), ')'];
}

function address(text: string): Piece[] {
  const angled = /^(.*?)<([^>]*)>/.exec(text);
  const name = angled?.[1]?.trim().replace(/^"(.*)"$/, '$1') ?? '';
  const [local = '', ...domain] = (angled?.[2] ?? text).split('@');
  const pieces = [nstring(name === '' ? null : name), ['NIL'], nstring(local), nstring(domain.join('@') || '.MISSING')];
  return ['(', ...pieces.flatMap((piece, at) => (at === 0 ? piece : [' ', ...piece])), ')'];
}
