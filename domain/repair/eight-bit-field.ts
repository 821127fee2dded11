import { type AddressToken, addressTokens, innerText } from '../mime/addresses.ts';
import { guessCharset } from '../mime/charsets.ts';
import { encodeEightBit } from '../mime/encoded-words.ts';
import { MAX_PARAMETER_TEXT, readParameters } from '../mime/parameters.ts';

type Charset = ReturnType<typeof guessCharset>;

const EIGHT_BIT = /[\x80-\xff]/;
const ADDRESS_FIELDS =
  /^(?:resent-)?(?:from|to|cc|bcc|sender|reply-to)$|^(?:return-path|delivered-to|disposition-notification-to)$/;
const PARAMETER_FIELDS = /^content-(?:type|disposition)$/;
/** An encoded word is text; these hold what machines compare. */
const EXACT_FIELDS = /^(?:resent-)?message-id$|^(?:in-reply-to|references|content-id|content-transfer-encoding)$/;

/**
 * The value of a header field without 8-bit bytes: they become encoded words (RFC 2047) in the charset that they seem to be in.
 *
 * @param value one character a byte, with CRLF folds.
 * @returns null where no encoded word may stand in their place, e.g. inside an address.
 */
export function encodeFieldValue(name: string, value: string): string | null {
  if (name === '' || EXACT_FIELDS.test(name)) return null;
  const charset = guessCharset(Buffer.from(value, 'latin1'));
  if (ADDRESS_FIELDS.test(name)) return encodeAddresses(value, charset);
  if (PARAMETER_FIELDS.test(name)) return encodeParameters(value, charset);
  return encodeEightBit(value, charset);
}

function encodeAddresses(value: string, charset: Charset): string | null {
  let out = '';
  for (const token of addressTokens(value)) {
    if (!EIGHT_BIT.test(token.value)) {
      // A word has white space around it (RFC 2047 §5).
      out += out.endsWith('?=') && !/^[ \t\r\n,;:)]/.test(token.value) ? ` ${token.value}` : token.value;
      continue;
    }
    const encoded = encodeToken(token, charset);
    if (encoded === null) return null;
    out += /[^ \t\r\n(]$/.test(out) && !/^[ \t\r\n]/.test(encoded) ? ` ${encoded}` : encoded;
  }
  return out;
}

function encodeToken(token: AddressToken, charset: Charset): string | null {
  if (token.kind === 'text') {
    const words = token.value.split(/[ \t\r\n]+/);
    const inAddress = words.some((word) => word.includes('@') && EIGHT_BIT.test(word));
    return inAddress ? null : encodeEightBit(token.value, charset);
  }
  if (token.kind === 'angle' || !token.closed) return null;
  const words = encodeEightBit(innerText(token), charset, true);
  return token.kind === 'comment' ? `(${words})` : words;
}

/** Names of files are text, whatever RFC 2231 says: all readers understand encoded words in them. Other parameters are not. */
function encodeParameters(value: string, charset: Charset): string | null {
  if (value.length > MAX_PARAMETER_TEXT) return null;
  let out = '';
  let at = 0;
  for (const { name, value: text, start, end } of readParameters(value).parameters) {
    if (!EIGHT_BIT.test(text)) continue;
    if (name !== 'name' && name !== 'filename') return null;
    out += `${value.slice(at, start)}"${encodeEightBit(text, charset, true)}"`;
    at = end;
  }
  out += value.slice(at);
  return EIGHT_BIT.test(out) ? null : out;
}
