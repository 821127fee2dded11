import { describe, expect, test } from 'vitest';
import { ERRORS } from '../../domain/errors.ts';
import { entraFault } from './entra-errors.ts';

const TRACE =
  'Trace ID: 255d1aef-8c98-452f-ac51-23d051240864 Correlation ID: fb3d2015-bc17-4bb9-bb85-30c5cf1aaaa7 Timestamp: 2026-11-26 02:02:12Z';

/** As tenants have written them in public issue threads and on Microsoft's page of error codes; ids are made up. */
describe('a refusal of the identity platform', () => {
  test.each([
    [
      'unauthorized_client',
      "AADSTS700016: Application with identifier '11111111-2222-3333-4444-555555555555' was not found in the directory 'Bäckerei'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant.",
      'APP_UNKNOWN',
    ],
    [
      'invalid_client',
      "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '11111111-2222-3333-4444-555555555555'.",
      'APP_SECRET_WRONG',
    ],
    [
      'invalid_client',
      "AADSTS7000222: The provided client secret keys for app '11111111-2222-3333-4444-555555555555' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.",
      'APP_SECRET_EXPIRED',
    ],
    [
      'invalid_client',
      'AADSTS70002: Error validating credentials. AADSTS50012: Invalid client secret is provided.',
      'APP_SECRET_WRONG',
    ],
    [
      'invalid_client',
      'AADSTS700027: The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found.]',
      'APP_SECRET_WRONG',
    ],
    ['invalid_client', 'AADSTS700024: Client assertion is not within its valid time range.', 'CLOCK_WRONG'],
    [
      'invalid_grant',
      "AADSTS65001: The user or administrator has not consented to use the application with ID '11111111-2222-3333-4444-555555555555' named 'Mailferry'. Send an interactive authorization request for this user and resource.",
      'CONSENT_REVOKED',
    ],
    [
      'invalid_resource',
      'AADSTS500011: The resource principal named https://outlook.office365.com was not found in the tenant named Bäckerei.',
      'CONSENT_REVOKED',
    ],
    [
      'access_denied',
      'AADSTS53003: Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.',
      'SIGN_IN_BLOCKED',
    ],
    [
      'interaction_required',
      "AADSTS50076: Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access '00000002-0000-0ff1-ce00-000000000000'.",
      'SIGN_IN_BLOCKED',
    ],
    [
      'invalid_grant',
      'AADSTS50034: The user account does not exist in the bakery.example directory. To sign into this application, the account must be added to the directory.',
      'AUTH_FAILED',
    ],
    [
      'invalid_request',
      "AADSTS90002: Tenant '11111111-2222-3333-4444-555555555555' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.",
      'APP_UNKNOWN',
    ],
    [
      'unauthorized_client',
      'AADSTS7000229: The client application 11111111-2222-3333-4444-555555555555 is missing service principal in the tenant.',
      'APP_UNKNOWN',
    ],
    ['invalid_client', 'AADSTS7000112: Application is disabled.', 'APP_UNKNOWN'],
    ['temporarily_unavailable', 'AADSTS90055: The tenant has been throttled due to too many requests.', 'THROTTLED'],
  ] as const)('%s: %.20s… is %s', (word, text, code) => {
    const found = entraFault(word, `${text} ${TRACE}`);
    expect(found?.code).toBe(code);
    expect(found?.message).toMatch(/\(AADSTS\d+\)$/);
    expect(found?.message).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}/);
    expect(ERRORS[code].remedy.length).toBeGreaterThan(20);
  });

  test('with a number that is not known is told by the words of the standard, and the number', () => {
    expect(entraFault('unauthorized_client', 'AADSTS999999: Something new.')).toEqual({
      code: 'CONSENT_REVOKED',
      message: 'unauthorized_client (AADSTS999999)',
    });
    expect(entraFault('invalid_client', null)?.code).toBe('APP_SECRET_WRONG');
    expect(entraFault('server_error', 'AADSTS999999: Something new.')).toBeNull();
  });
});
