import { createHash, type X509Certificate } from 'node:crypto';
import { decodeProtectedHeader, errors, jwtVerify } from 'jose';
import type { Application } from './application.ts';

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

const ALGORITHMS = ['RS256', 'PS256', 'ES256'];
/** Clocks differ; Entra allows five minutes. */
const SKEW_SECONDS = 300;

export interface AssertionCheck {
  /** Where the assertion was sent: its only right audience (RFC 7523 §3). */
  readonly tokenUrl: string;
  readonly nowMs: number;
  /** Ids of assertions that were taken before; this one is added. */
  readonly used: Set<string>;
}

/**
 * Whether a signed assertion proves that its sender holds the key of one of the application's certificates (RFC 7523;
 * learn.microsoft.com/entra/identity-platform/certificate-credentials).
 * @returns null, or Entra's number of what is wrong with it
 */
export async function faultOfAssertion(
  assertion: string,
  application: Application,
  { tokenUrl, nowMs, used }: AssertionCheck,
): Promise<string | null> {
  let certificate: X509Certificate | undefined;
  try {
    const { x5t, 'x5t#S256': x5tS256 } = decodeProtectedHeader(assertion) as Record<string, unknown>;
    if (x5t === undefined && x5tS256 === undefined) return 'AADSTS50027';
    certificate = application.certificates.find(
      ({ raw }) =>
        (x5t === undefined || x5t === thumbprint(raw, 'sha1')) &&
        (x5tS256 === undefined || x5tS256 === thumbprint(raw, 'sha256')),
    );
  } catch {
    return 'AADSTS50027';
  }
  if (certificate === undefined) return 'AADSTS700027';
  if (certificate.validToDate.getTime() < nowMs) return 'AADSTS1000502';
  const { clientId } = application;
  try {
    const { payload } = await jwtVerify(assertion, certificate.publicKey, {
      algorithms: ALGORITHMS,
      audience: tokenUrl,
      issuer: clientId,
      subject: clientId,
      requiredClaims: ['exp', 'jti'],
      clockTolerance: SKEW_SECONDS,
      currentDate: new Date(nowMs),
    });
    const id = String(payload.jti);
    if (used.has(id)) return 'AADSTS700030';
    used.add(id);
    return null;
  } catch (error) {
    if (error instanceof errors.JWSSignatureVerificationFailed || error instanceof errors.JOSEAlgNotAllowed) {
      return 'AADSTS700027';
    }
    if (error instanceof errors.JWTExpired) return 'AADSTS700024';
    if (!(error instanceof errors.JWTClaimValidationFailed)) return 'AADSTS50027';
    return error.claim === 'aud' ? 'AADSTS700023' : error.claim === 'nbf' ? 'AADSTS700024' : 'AADSTS700021';
  }
}

function thumbprint(der: Buffer, hash: 'sha1' | 'sha256'): string {
  return createHash(hash).update(der).digest('base64url');
}
