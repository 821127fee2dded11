const decoders = new Map<string, InstanceType<typeof TextDecoder>>();
const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

/** What 8-bit text is in when nobody says so: UTF-8 where it is valid, as hardly any other text is; else windows-1252. */
export function guessCharset(bytes: Buffer): 'utf-8' | 'windows-1252' {
  try {
    strictUtf8.decode(bytes);
    return 'utf-8';
  } catch {
    return 'windows-1252';
  }
}

/** Text of bytes in a charset of the WHATWG encoding standard; in a guessed one where that does not know it, or says ASCII. */
export function decodeCharset(bytes: Buffer, charset: string | null): string {
  return (findDecoder(charset ?? '') ?? findDecoder(guessCharset(bytes)))?.decode(bytes) ?? bytes.toString('latin1');
}

/** Names are few, as only those that exist are kept. ASCII is none: mail that says so and has 8-bit bytes lies. */
function findDecoder(charset: string): InstanceType<typeof TextDecoder> | undefined {
  const label = charset.trim().toLowerCase();
  const known = decoders.get(label);
  if (known !== undefined || /^(?:|us-ascii|ascii|ansi_x3\.4-1968)$/.test(label)) return known;
  try {
    const decoder = new TextDecoder(label, { ignoreBOM: true });
    decoders.set(label, decoder);
    return decoder;
  } catch {
    return undefined; // RangeError: no such charset
  }
}
