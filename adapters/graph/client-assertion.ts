import { createPrivateKey, randomUUID, X509Certificate } from 'node:crypto';
import { SignJWT } from 'jose';
import { MigrationError } from '../../domain/errors.ts';

/** Entra takes ten minutes at most; a clock that is behind by two still works. */
const LIFE_SECONDS = 300;
const BACKDATE_SECONDS = 120;

/** What stands in a form where a secret would stand (RFC 7523 §2.2). */
export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

export interface AssertionOptions {
  /** PEM with a private key and its certificate, in either order; further certificates are left alone. */
  readonly pem: string;
  readonly clientId: string;
  /** The token endpoint, which is the only one that it is good for. */
  readonly audience: string;
  readonly nowMs: number;
}

/**
 * Proves by a certificate who asks for a token (RFC 7523 §3; Microsoft's "certificate credentials"). Each is new: short life, an id of its
 * own, so one that leaks is worth little. The thumbprints say which of the application's certificates it is: `x5t#S256` is what is
 * asked for today, `x5t` what older endpoints know.
 * @throws SECRET_MISSING where the PEM is not what it has to be, or the certificate is over
 */
export async function signAssertion({ pem, clientId, audience, nowMs }: AssertionOptions): Promise<string> {
  const { key, certificate } = readCredential(pem);
  requireValid(certificate, nowMs);
  const now = Math.floor(nowMs / 1_000);
  return await new SignJWT()
    .setProtectedHeader({
      alg: key.asymmetricKeyType === 'ec' ? 'ES256' : 'PS256',
      typ: 'JWT',
      'x5t#S256': thumbprint(certificate.fingerprint256),
      x5t: thumbprint(certificate.fingerprint),
    })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(audience)
    .setJti(randomUUID())
    .setIssuedAt(now)
    .setNotBefore(now - BACKDATE_SECONDS)
    .setExpirationTime(now + LIFE_SECONDS)
    .sign(key);
}

function readCredential(pem: string) {
  try {
    const certificate = new X509Certificate(pem.slice(Math.max(0, pem.indexOf('-----BEGIN CERTIFICATE-----'))));
    const keyPem = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----/.exec(pem)?.[0] ?? '';
    const key = createPrivateKey(keyPem);
    if (!certificate.checkPrivateKey(key)) throw new Error('the key is not the one of the certificate');
    const curve = key.asymmetricKeyDetails?.namedCurve;
    const fits = key.asymmetricKeyType === 'rsa' || (key.asymmetricKeyType === 'ec' && curve === 'prime256v1');
    if (!fits) throw new Error('the key is neither RSA nor EC P-256');
    return { key, certificate };
  } catch (cause) {
    const message = 'the client certificate has to be PEM with a private key (RSA or EC P-256) and its certificate';
    throw new MigrationError('SECRET_MISSING', message, { cause });
  }
}

/** Entra's own words for it are a number; here the date says it. */
function requireValid({ validFromDate, validToDate }: X509Certificate, nowMs: number): void {
  if (nowMs >= validFromDate.getTime() - BACKDATE_SECONDS * 1_000 && nowMs < validToDate.getTime()) return;
  throw new MigrationError('SECRET_MISSING', 'the client certificate is not valid at this time', {
    facts: { validFrom: validFromDate.toISOString(), validTo: validToDate.toISOString() },
  });
}

/** Node writes a digest as `AB:CD:…`. */
function thumbprint(digest: string): string {
  return Buffer.from(digest.replaceAll(':', ''), 'hex').toString('base64url');
}
