/** Writers of RFC 2045 and RFC 2047 encodings for made-up mail. */

/** Header text as encoded words (RFC 2047) where it is not plain ASCII, else as it is. */
export function encodeHeader(text: string, form: 'B' | 'Q' = 'B'): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  const words: string[] = [];
  // 14 code points are 56 bytes at most, so that a word stays near its limit of 75 in any script.
  for (const piece of text.match(/.{1,14}/gsu) ?? []) {
    const bytes = Buffer.from(piece, 'utf8');
    const encoded =
      form === 'B'
        ? bytes.toString('base64')
        : [...bytes]
            .map((byte) =>
              /[A-Za-z0-9]/.test(String.fromCharCode(byte))
                ? String.fromCharCode(byte)
                : byte === 0x20
                  ? '_'
                  : hex(byte),
            )
            .join('');
    words.push(`=?utf-8?${form}?${encoded}?=`);
  }
  return words.join('\r\n ');
}

/** Base64 in lines of 76, with a CRLF at the end. */
export function base64Lines(bytes: Buffer): string {
  return bytes.toString('base64').replace(/.{1,76}/g, '$&\r\n');
}

/** Quoted-printable of text with CRLF line ends; lines stay under 76. */
export function quotedPrintable(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .split('\r\n')
    .map((line) => {
      let encoded = '';
      let width = 0;
      for (let at = 0; at < line.length; at += 1) {
        const code = line.charCodeAt(at);
        const trailing = at === line.length - 1;
        const plain = (code > 0x20 && code < 0x7f && code !== 0x3d) || (code === 0x20 && !trailing);
        const unit = plain ? String.fromCharCode(code) : hex(code);
        if (width + unit.length > 73) {
          encoded += '=\r\n';
          width = 0;
        }
        encoded += unit;
        width += unit.length;
      }
      return encoded;
    })
    .join('\r\n');
}

function hex(byte: number): string {
  return `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}
