import fc from 'fast-check';

/** Lines that repairs have to do with, one character a byte. Boundaries come up as text as well. */
const LINES = [
  ...[
    '',
    'Text.',
    '--',
    '--b1',
    '--b1--',
    '--b2',
    '--b',
    ' folded',
    'From here on',
    '.',
    '=',
    'a=20',
    '=C3=BC =zz ==',
    'end  ',
  ],
  ...['Gr\xfc\xdfe', 'Gr\xc3\xbc\xc3\x9fe', 'a\0b', 'QUJDREVG', 'QUJD====', `QUJD${'QUJD'.repeat(400)}`],
  ...[
    'x'.repeat(1_200),
    'word '.repeat(300),
    `${' '.repeat(1_100)}x`,
    `--${'-'.repeat(1_100)}`,
    `=${'=3D='.repeat(300)}`,
  ],
  ...[`${'caf\xc3\xa9 '.repeat(250)}`, `-----BEGIN PGP ${'=\t'.repeat(600)}`],
];
const NAMES = [
  'Subject',
  'From',
  'To',
  'Cc',
  'X-Odd',
  'Comments',
  'Message-ID',
  'Date',
  'Received',
  'Content-Disposition',
];
const VALUES = [
  ...[
    'x',
    'a@example.test',
    '"M\xfcller, \\"Hans\\"" <m@example.test>, b@example.test',
    'M\xc3\xbcller(\xe4 (b) )<m@example.test>',
  ],
  ...[
    '=?utf-8?Q?a?= Gr\xfc\xdfe =?utf-8?B?w7w=?=',
    '=?utf-8?Q?=C3?==?utf-8?Q?=BC?= \xa0\xc3\xa0\t\xe9',
    '\xfc@example.test',
    'a\0b',
  ],
  ...[
    'attachment; filename="Gr\xfc\xdf e.pdf"',
    'attachment; filename=\xc3\xa0.pdf; x=y',
    "attachment; filename*=utf-8''%C3%BC",
  ],
  ...[
    'word '.repeat(300),
    'y'.repeat(1_200),
    `${'\xfc '.repeat(500)}`,
    'Mon, 6 Jan 2020 10:00:00 +0100 (\xfc)',
    '=?x?Q?\xfc?= "',
  ],
];
const TYPES = [
  ...[
    '',
    'text/plain; charset=utf-8',
    'text/html; charset=iso-8859-1',
    'application/pdf; name="\xfc.pdf"',
    'image/png',
  ],
  ...[
    'application/pkcs7-mime',
    'application/pgp-encrypted',
    'message/delivery-status',
    'multipart/mixed',
    'text/plain; boundary=b1',
  ],
];
const ENCODINGS = ['', '7bit', '8bit', 'binary', 'base64', 'quoted-printable', 'Base64 (x)', 'x-uuencode'];
const MULTIPARTS = ['mixed', 'signed', 'encrypted', 'digest', 'alternative'];
const LINE_ENDS = ['\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r', '\r\r\n'];

const line = fc
  .tuple(
    fc.oneof(fc.constantFrom(...LINES), fc.string({ unit: 'binary-ascii', maxLength: 8 })),
    fc.constantFrom(...LINE_ENDS),
  )
  .map((pair) => pair.join(''));
const body = fc.array(line, { maxLength: 5 }).map((lines) => lines.join(''));
const lineEnd = fc.constantFrom(...LINE_ENDS);
const fields = fc
  .array(fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom(...VALUES), lineEnd), { maxLength: 4 })
  .map((list) => list.map(([name, value, end]) => `${name}: ${value}${end}`).join(''));

const { entity } = fc.letrec<{ entity: string; multipart: string; leaf: string; message: string }>((tie) => ({
  entity: fc.oneof({ maxDepth: 4 }, tie('leaf'), tie('leaf'), tie('multipart'), tie('message')),
  leaf: fc
    .tuple(fields, fc.constantFrom(...TYPES), fc.constantFrom(...ENCODINGS), lineEnd, body)
    .map(([head, type, encoding, end, content]) =>
      [
        head,
        type === '' ? '' : `Content-Type: ${type}${end}`,
        encoding === '' ? '' : `Content-Transfer-Encoding: ${encoding}${end}`,
        end,
        content,
      ].join(''),
    ),
  multipart: fc
    .tuple(
      ...([fields, fc.constantFrom(...MULTIPARTS), fc.constantFrom('b1', 'b2', 'b'), lineEnd] as const),
      ...([body, fc.array(tie('entity'), { maxLength: 3 }), fc.boolean(), body] as const),
    )
    .map(([head, kind, boundary, end, before, children, closed, after]) =>
      [
        `${head}Content-Type: multipart/${kind}; boundary="${boundary}"${end}${end}${before}`,
        ...children.map((child) => `${end}--${boundary}${end}${child}`),
        closed ? `${end}--${boundary}--${end}${after}` : '',
      ].join(''),
    ),
  message: fc
    .tuple(fields, lineEnd, tie('entity'))
    .map(([head, end, inner]) => `${head}Content-Type: message/rfc822${end}${end}${inner}`),
}));

/** Messages with everything wrong that the ladder knows, in nested, signed, encrypted and unfinished parts. */
export const oddMail: fc.Arbitrary<Buffer> = fc
  .tuple(
    fc.constantFrom('', '', 'From a@example.test Mon Jan  6 10:00:00 2020\n'),
    entity,
    fc.constantFrom('', '', '\r', '\r\r'),
  )
  .map((pieces) => Buffer.from(pieces.join(''), 'latin1'));
