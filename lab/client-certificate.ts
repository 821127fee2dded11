import { webcrypto } from 'node:crypto';
// Must be loaded before the package below.
import './reflection.ts';
import * as x509 from '@peculiar/x509';

export interface ClientCertificate {
  /** Private key and certificate, PEM, as `clientCertificate` of a plan wants them. */
  readonly pem: string;
  /** The public half, as an administrator uploads it. */
  readonly cert: string;
}

/** RSA, since Entra takes no other key for applications. */
const ALGORITHM = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  modulusLength: 2_048,
  publicExponent: new Uint8Array([1, 0, 1]),
} as const;
const LIFE_MS = 30 * 86_400_000;

/** What an application signs its assertions with (RFC 7523), signed by itself. */
export async function createClientCertificate(name: string): Promise<ClientCertificate> {
  x509.cryptoProvider.set(webcrypto);
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const made = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    notBefore: new Date(Date.now() - 3_600_000),
    notAfter: new Date(Date.now() + LIFE_MS),
    keys,
    signingAlgorithm: ALGORITHM,
  });
  const key = x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  const cert = `${made.toString('pem')}\n`;
  return { pem: `${key}\n${cert}`, cert };
}
