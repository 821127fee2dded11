import { decodeCharset, guessCharset } from './charsets.ts';
import { decodeWords } from './encoded-words.ts';
import { findParameter, type Parameterized, readParameters } from './parameters.ts';

/** The name of an attachment: `filename` of Content-Disposition, else `name` of Content-Type; null where there is neither. */
export function fileNameOf(disposition: string, type: string): string | null {
  return readText(disposition, 'filename') ?? readText(type, 'name');
}

/** A parameter as text: in pieces or with a charset (RFC 2231), or with encoded words, which are not allowed but usual. */
function readText(field: string, name: string): string | null {
  const parameters = readParameters(field);
  const whole = findParameter(parameters, `${name}*`);
  if (whole !== null) return decodeExtended(whole);
  const plain = findParameter(parameters, name);
  if (plain !== null) return decodeWords(plain, guessCharset(Buffer.from(field, 'latin1')));
  return readPieces(parameters, name);
}

function readPieces(parameters: Parameterized, name: string): string | null {
  const values = new Map(parameters.parameters.map((parameter) => [parameter.name, parameter.value]));
  let encoded = '';
  let extended = false;
  for (let count = 0; ; count += 1) {
    const extendedPiece = values.get(`${name}*${count}*`);
    const piece = extendedPiece ?? values.get(`${name}*${count}`);
    if (piece === undefined) return count === 0 ? null : extended ? decodeExtended(encoded) : decodeWords(encoded);
    extended ||= extendedPiece !== undefined;
    encoded += extendedPiece === undefined && extended ? piece.replaceAll('%', '%25') : piece;
  }
}

/** `charset'language'text`, with %XX (RFC 2231 §4). */
function decodeExtended(value: string): string {
  const [, charset = null, text = value] = /^([^']*)'[^']*'([\s\S]*)$/.exec(value) ?? [];
  const bytes = text.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  return decodeCharset(Buffer.from(bytes, 'latin1'), charset);
}
