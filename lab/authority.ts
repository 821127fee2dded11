import { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
// Must be loaded before the package below.
import './reflection.ts';
import * as x509 from '@peculiar/x509';

export interface Authority {
  /** Certificate of the authority, for `caFile` of a plan. */
  readonly caPem: string;
  /** Key and certificate (PEM, the certificate alone) of a server that answers to these DNS names and IP addresses. */
  issue(names: readonly string[]): Promise<{ key: string; cert: string }>;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const;
const LIFE_MS = 30 * 86_400_000;
/** Clocks of two machines differ; a certificate from this very second is refused by the slower one. */
const BACKDATE_MS = 3_600_000;

/**
 * A private certificate authority that lives in memory: servers of the lab speak TLS that clients check in earnest, with
 * no check switched off anywhere.
 */
export async function createAuthority(): Promise<Authority> {
  x509.cryptoProvider.set(webcrypto);
  const keys = await generateKeys();
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity(),
    serialNumber: serialNumber(),
    name: 'CN=Mailferry lab authority',
    keys,
    signingAlgorithm: SIGNING,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    caPem: `${ca.toString('pem')}\n`,
    async issue(names) {
      const [first] = names;
      if (first === undefined) throw new Error('a certificate needs at least one name');
      const own = await generateKeys();
      const cert = await x509.X509CertificateGenerator.create({
        ...validity(),
        serialNumber: serialNumber(),
        subject: `CN=${first}`,
        issuer: ca.subject,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: SIGNING,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
          // Node takes no notice of the common name when there are alternative names, and an IP address counts only as
          // such (RFC 9525 §6.3, §6.5).
          new x509.SubjectAlternativeNameExtension(
            names.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value })),
          ),
          await x509.AuthorityKeyIdentifierExtension.create(ca.publicKey),
        ],
      });
      return { key: await exportKey(own.privateKey), cert: `${cert.toString('pem')}\n` };
    },
  };
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
}

function validity(): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - BACKDATE_MS), notAfter: new Date(now + LIFE_MS) };
}

/** Positive and at most 20 octets (RFC 5280 §4.1.2.2). */
function serialNumber(): string {
  return `01${Buffer.from(webcrypto.getRandomValues(new Uint8Array(12))).toString('hex')}`;
}
