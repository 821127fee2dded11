import { createHash, webcrypto, X509Certificate } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, importX509, jwtVerify } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
// Must be loaded before the package below.
import '../../lab/reflection.ts';
import * as x509 from '@peculiar/x509';
import { signAssertion } from '../../adapters/graph/client-assertion.ts';

const NOW_MS = Date.now();
const AUDIENCE = 'https://login.example/tenant/oauth2/v2.0/token';
const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const RSA = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  publicExponent: new Uint8Array([1, 0, 1]),
  modulusLength: 2_048,
};

interface Credential {
  readonly key: string;
  readonly cert: string;
}

async function credential(algorithm: typeof EC | typeof RSA, notAfterMs = NOW_MS + 86_400_000): Promise<Credential> {
  x509.cryptoProvider.set(webcrypto);
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=Mailferry',
    notBefore: new Date(NOW_MS - 86_400_000),
    notAfter: new Date(notAfterMs),
    keys,
    signingAlgorithm: algorithm,
  });
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { key: `${x509.PemConverter.encode(pkcs8, 'PRIVATE KEY')}\n`, cert: `${certificate.toString('pem')}\n` };
}

const sign = (pem: string, nowMs = NOW_MS) => signAssertion({ pem, clientId: 'app-1', audience: AUDIENCE, nowMs });

describe('an assertion in place of a secret', () => {
  let ec: Credential;
  let rsa: Credential;
  beforeAll(async () => {
    ec = await credential(EC);
    rsa = await credential(RSA);
  });

  test.each(['PS256', 'ES256'] as const)('is signed with %s by the key of its certificate', async (alg) => {
    const { key, cert } = alg === 'ES256' ? ec : rsa;
    for (const pem of [key + cert, cert + key]) {
      const assertion = await sign(pem);
      const { payload } = await jwtVerify(assertion, await importX509(cert, alg), {
        algorithms: [alg],
        issuer: 'app-1',
        subject: 'app-1',
        audience: AUDIENCE,
        currentDate: new Date(NOW_MS),
      });
      expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(300);
    }
  });

  test('names its certificate by both thumbprints', async () => {
    const header = decodeProtectedHeader(await sign(ec.key + ec.cert));
    const der = new X509Certificate(ec.cert).raw;
    expect(header['x5t#S256']).toBe(createHash('sha256').update(der).digest('base64url'));
    expect(header.x5t).toBe(createHash('sha1').update(der).digest('base64url'));
  });

  test('is never the same twice', async () => {
    const ids = await Promise.all([1, 2].map(async () => decodeJwt(await sign(ec.key + ec.cert)).jti));
    expect(new Set(ids).size).toBe(2);
  });

  test.each([
    ['no key', () => ec.cert],
    ['no certificate', () => ec.key],
    ['the key of another certificate', () => rsa.key + ec.cert],
    ['no PEM', () => 'secret'],
  ])('is not made of %s, and the file is not repeated', async (_case, pem) => {
    const error: unknown = await sign(pem()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'SECRET_MISSING' });
    expect(String(error)).not.toContain('secret');
    expect(String(error)).not.toContain('BEGIN');
  });

  test('is not made with a certificate that is over', async () => {
    const { key, cert } = await credential(EC, NOW_MS + 60_000);
    await sign(key + cert);
    await expect(sign(key + cert, NOW_MS + 61_000)).rejects.toMatchObject({ code: 'SECRET_MISSING' });
  });
});
