/**
 * Modified UTF-7 of mailbox names, RFC 3501 §5.1.3: printable ASCII stands for itself, `&` is `&-`, all else is UTF-16BE in
 * base64 without padding, with `,` for `/`.
 */
export function encodeMutf7(name: string): string {
  return name.replace(/&|[^\x20-\x7e]+/g, (run) => {
    if (run === '&') return '&-';
    const utf16 = Buffer.from(run, 'utf16le').swap16();
    return `&${utf16.toString('base64').replaceAll('/', ',').replace(/=+$/, '')}-`;
  });
}

/** The name in Unicode. What is no modified UTF-7 stays as it came: servers with sloppy names exist, and a name must survive. */
export function decodeMutf7(wire: string): string {
  return wire.replace(/&([A-Za-z0-9+,]*)-/g, (whole, encoded: string) => {
    if (encoded === '') return '&';
    const utf16 = Buffer.from(encoded.replaceAll(',', '/'), 'base64');
    return utf16.length > 0 && utf16.length % 2 === 0 ? utf16.swap16().toString('utf16le') : whole;
  });
}
