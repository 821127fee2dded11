import { decodeCharset, guessCharset } from './charsets.ts';

/** RFC 2047 §2, with the language of RFC 2231 §5. No 8-bit byte and no blank can be inside. */
const WORD = /=\?([!-)+->@-~]{1,80})(?:\*[!->@-~]{0,40})?\?([bq])\?([!->@-~]*)\?=/gi;
const EIGHT_BIT = /[\x80-\xff]/;
/** RFC 2047 §5 (3): these stand for themselves wherever a word may be. */
const PLAIN = /[A-Za-z0-9!*+/-]/;
const MAX_WORD = 75;

type Token = { readonly kind: 'word' | 'blank' | 'text'; readonly value: string };

/**
 * Text of an unfolded header value, given one character a byte. Bytes outside of encoded words are in `charset`, by default a guess
 * from all of them. White space between two words is dropped, and bytes of neighbours in the same charset are put together before they are
 * decoded, because many programs cut words in the middle of a character.
 */
export function decodeWords(value: string, charset = guessCharset(Buffer.from(value, 'latin1'))): string {
  let text = '';
  let pending: { charset: string; chunks: Buffer[] } | null = null;
  let blank = '';
  const flush = () => {
    if (pending !== null) text += decodeCharset(Buffer.concat(pending.chunks), pending.charset);
    pending = null;
  };
  for (const token of tokensOf(value)) {
    if (token.kind === 'blank' && pending !== null) {
      blank = token.value;
    } else if (token.kind === 'word') {
      const word = readWord(token.value);
      if (pending === null || (pending as { charset: string }).charset !== word.charset) {
        flush();
        pending = { charset: word.charset, chunks: [] };
      }
      (pending as { chunks: Buffer[] }).chunks.push(word.bytes);
      blank = '';
    } else {
      flush();
      text += blank + decodeCharset(Buffer.from(token.value, 'latin1'), charset);
      blank = '';
    }
  }
  flush();
  return text + blank;
}

/**
 * The same text with its 8-bit bytes in encoded words: those bytes and their charset stay as they were. Everything else stays as it is,
 * but white space that a reader would drop between an old word and a new one goes into the new one.
 *
 * @param value one character a byte, folds allowed.
 * @param all   encodes ASCII text too: for what stood in quotes, where it may hold anything.
 */
export function encodeEightBit(value: string, charset: 'utf-8' | 'windows-1252', all = false): string {
  const tokens = tokensOf(value);
  const wanted = (token: Token | undefined) => token?.kind === 'text' && (all || EIGHT_BIT.test(token.value));
  let out = '';
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at] as Token;
    if (!wanted(token)) {
      if (!(token.kind === 'blank' && tokens[at - 1]?.kind === 'word' && wanted(tokens[at + 1]))) out += token.value;
      continue;
    }
    const run = [];
    if (tokens[at - 1]?.kind === 'word') out += ' ';
    else if (tokens[at - 1]?.kind === 'blank' && tokens[at - 2]?.kind === 'word') {
      out += ' ';
      run.push(tokens[at - 1]?.value ?? '');
    }
    run.push(token.value);
    while (tokens[at + 1]?.kind === 'blank' && wanted(tokens[at + 2])) {
      run.push(tokens[at + 1]?.value ?? '', tokens[at + 2]?.value ?? '');
      at += 2;
    }
    if (tokens[at + 1]?.kind === 'blank' && tokens[at + 2]?.kind === 'word') {
      run.push(tokens[at + 1]?.value ?? '');
      at += 1;
    }
    out += encodeWords(run.join('').replace(/[\r\n]/g, ''), charset);
    if (tokens[at + 1]?.kind === 'word' || tokens[at]?.kind === 'blank') out += ' ';
  }
  return out;
}

/** Bytes as encoded words of at most 75 characters, folded between them; no character of UTF-8 is cut. */
export function encodeWords(bytes: string, charset: 'utf-8' | 'windows-1252'): string {
  const head = `=?${charset}?Q?`;
  const room = MAX_WORD - head.length - 2;
  const words: string[] = [];
  let word = '';
  for (const character of bytes.match(charset === 'utf-8' ? /[^\x80-\xbf][\x80-\xbf]*|[\x80-\xbf]/g : /[\s\S]/g) ??
    []) {
    const encoded = [...character].map(encodeByte).join('');
    if (word.length + encoded.length > room) {
      words.push(word);
      word = '';
    }
    word += encoded;
  }
  words.push(word);
  return words.map((each) => `${head}${each}?=`).join('\r\n ');
}

function encodeByte(byte: string): string {
  if (byte === ' ') return '_';
  return PLAIN.test(byte) ? byte : `=${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

function readWord(word: string): { charset: string; bytes: Buffer } {
  const [, charset = '', form = '', text = ''] = word.match(new RegExp(WORD.source, 'i')) ?? [];
  const bytes =
    form.toLowerCase() === 'b'
      ? Buffer.from(text, 'base64')
      : Buffer.from(
          text
            .replaceAll('_', ' ')
            .replace(/=([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
          'latin1',
        );
  return { charset: charset.toLowerCase(), bytes };
}

function tokensOf(value: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const plain = (until: number) => {
    for (const [part] of value.slice(at, until).matchAll(/[ \t\r\n]+|[^ \t\r\n]+/g)) {
      tokens.push({ kind: /^[ \t\r\n]/.test(part) ? 'blank' : 'text', value: part });
    }
  };
  for (const match of value.matchAll(WORD)) {
    plain(match.index);
    tokens.push({ kind: 'word', value: match[0] });
    at = match.index + match[0].length;
  }
  plain(value.length);
  return tokens;
}
