import type { SeededRandom } from '../../lab/mail/random.ts';

const SPLICES: readonly [string, ...string[]] = [
  '\0',
  '\r',
  '\n',
  '\r\n',
  '\xfc',
  '\xc3\xbc',
  '"',
  '(',
  '=?utf-8?Q?=C3?=',
  '--',
  ';',
  ':',
  '<',
  ' ',
  '=',
  '\r\n\r\n',
];

/** A few changes: bytes flipped, dropped, doubled, put in, or the tail of another message. */
export function mutate(raw: Buffer, other: Buffer, random: SeededRandom): Buffer {
  let mutant = raw;
  for (let count = random.between(1, 6); count > 0; count -= 1) {
    const at = random.between(0, mutant.length);
    const end = Math.min(mutant.length, at + random.between(0, 40));
    const [before, piece, after] = [mutant.subarray(0, at), mutant.subarray(at, end), mutant.subarray(end)];
    const put = random.pick([
      () => Buffer.alloc(0),
      () => Buffer.concat([piece, piece]),
      () => random.bytes(piece.length),
      () => Buffer.from(random.pick(SPLICES) + piece.toString('latin1'), 'latin1'),
      () => Buffer.from(piece.toString('latin1').replaceAll('\r\n', random.pick(['\n', '\r', '\r\r\n'])), 'latin1'),
      () => Buffer.alloc(random.between(990, 1_100), random.pick(['x', ' ', 'a ', '=', '-', '\xfc'])),
      () => other.subarray(random.between(0, other.length)),
    ])();
    mutant = Buffer.concat([before, put, after]);
  }
  return mutant;
}
