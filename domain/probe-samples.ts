import type { Message } from './mail.ts';

/** A message that a probe writes, and what must come back of it. */
export interface ProbeSample {
  readonly name: string;
  readonly message: Message & { readonly receivedAt: string; readonly key: string };
  /** The stretch that a signature is over, where there is one. */
  readonly signed: Buffer | null;
}

// Fixed, so that two probes can be compared. `.invalid` is nobody's (RFC 2606).
const HEADER = [
  'Received: from old.example.invalid (192.0.2.1) by mx.example.invalid; Fri, 4 Mar 2011 05:06:07 +0000',
  'From: =?utf-8?Q?Z=C3=B6e_Probe?= <probe@mailferry.invalid>',
  'To: =?utf-8?Q?J=C3=BCrgen?= <nobody@mailferry.invalid>',
  'Date: Fri, 4 Mar 2011 05:05:59 +0000',
  'MIME-Version: 1.0',
];

const ORDINARY = [
  ...HEADER,
  'Subject: =?utf-8?Q?Mailferry_probe_=E2=80=93_may_be_removed?=',
  'Message-ID: <probe-ordinary@mailferry.invalid>',
  'References: <first@mailferry.invalid> <second@mailferry.invalid>',
  'In-Reply-To: <second@mailferry.invalid>',
  'X-Mailferry-Route: ordinary',
  'Content-Type: multipart/mixed; boundary="probe-ordinary"',
  '',
  '--probe-ordinary',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Transfer-Encoding: 8bit',
  '',
  'Grüße, 8-bit: äöü € 漢字.',
  '.a line that begins with a dot',
  'From here on nothing is special.',
  '',
  '--probe-ordinary',
  'Content-Type: application/octet-stream; name="probe.bin"',
  'Content-Disposition: attachment; filename="probe.bin"',
  'Content-Transfer-Encoding: base64',
  '',
  'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v',
  '/////v38+/r5+Pf29fTz8vHw7+7t7Ovq6ejn5uXk4+Lh4N/e3dzb2tnY19bV1NPS',
  '--probe-ordinary--',
  '',
];

// RFC 1847: what is signed goes byte by byte. The blanks, the boundary and the spelling of names invite to be tidied up. Nobody's key
// made this signature: programs may say so, only its bytes matter here.
const UNDER_SIGNATURE = [
  'content-TYPE: multipart/alternative; boundary=" inner  probe"',
  '',
  '-- inner  probe',
  'Content-Type: TEXT/plain; charset="us-ascii"',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  'Signed text, with blanks at its end:=20=20',
  'and an =',
  'ending that is soft.',
  '',
  '-- inner  probe',
  'Content-Type: text/html; charset=us-ascii',
  '',
  '<P>Signed text, <b>with</b> blanks at its end',
  '',
  '-- inner  probe--',
].join('\r\n');

const SIGNED = [
  ...HEADER,
  'Subject: Mailferry probe, signed - may be removed',
  'Message-ID: <probe-signed@mailferry.invalid>',
  'X-Mailferry-Route: signed',
  'Content-Type: multipart/signed; protocol="application/pgp-signature"; micalg=pgp-sha256; boundary="probe-signed"',
  '',
  '--probe-signed',
  UNDER_SIGNATURE,
  '--probe-signed',
  'Content-Type: application/pgp-signature; name="signature.asc"',
  '',
  '-----BEGIN PGP SIGNATURE-----',
  '',
  'TWFpbGZlcnJ5IHByb2JlOiBub2JvZHkgc2lnbmVkIHRoaXM=',
  '-----END PGP SIGNATURE-----',
  '',
  '--probe-signed--',
  '',
];

const RECEIVED_AT = '2011-03-04T05:06:07Z';

/** Read, flagged and answered; and one that is unread, with a signature. */
export const PROBE_SAMPLES: readonly ProbeSample[] = [
  {
    name: 'ordinary message',
    message: {
      raw: Buffer.from(ORDINARY.join('\r\n')),
      flags: ['\\Seen', '\\Flagged', '\\Answered'],
      receivedAt: RECEIVED_AT,
      key: 'mailferryprobeordinary',
    },
    signed: null,
  },
  {
    name: 'signed message',
    message: {
      raw: Buffer.from(SIGNED.join('\r\n')),
      flags: [],
      receivedAt: RECEIVED_AT,
      key: 'mailferryprobesigned',
    },
    signed: Buffer.from(UNDER_SIGNATURE),
  },
];
