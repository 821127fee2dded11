import type { ErrorCode } from '../../domain/errors.ts';

/** What the identity platform means by a refusal, for the person who has to mend it. */
export interface EntraFault {
  readonly code: ErrorCode;
  /** One sentence without ids, which a log of a tenant is full of. */
  readonly message: string;
}

/**
 * By Entra's number (learn.microsoft.com/entra/identity-platform/reference-error-codes). Microsoft warns that numbers change: what is not
 * here is told by the words of RFC 6749 and the number itself.
 */
const FAULTS: Readonly<Record<string, EntraFault>> = {
  // The application and its tenant.
  '700016': fault(
    'APP_UNKNOWN',
    'the tenant does not know the application: `clientId` or `tenantId` is another, or no consent was given',
  ),
  '7000229': fault('APP_UNKNOWN', 'the application has no enterprise application in the tenant'),
  '7000112': fault('APP_UNKNOWN', 'the application is turned off in the tenant'),
  '90002': fault('APP_UNKNOWN', 'there is no tenant of this id'),
  '900023': fault('APP_UNKNOWN', 'the tenant is named by something that is no id of a tenant'),
  '900021': fault('APP_UNKNOWN', 'the tenant is named by something that is no id of a tenant'),
  // What proves it.
  '7000215': fault(
    'APP_SECRET_WRONG',
    'the secret is not one of the application; often it is its id in place of its value',
  ),
  '7000218': fault('APP_SECRET_WRONG', 'the request has no secret and no certificate'),
  '7000216': fault('APP_SECRET_WRONG', 'the request has no secret and no certificate'),
  '50012': fault('APP_SECRET_WRONG', 'the secret or the certificate is wrong'),
  '700027': fault('APP_SECRET_WRONG', 'the certificate is not among those of the application'),
  '50027': fault('APP_SECRET_WRONG', 'the assertion of the certificate cannot be read'),
  '700023': fault('APP_SECRET_WRONG', 'the assertion of the certificate is for another address than `tokenUrl`'),
  '700021': fault('APP_SECRET_WRONG', 'the assertion of the certificate names another application'),
  '700030': fault('APP_SECRET_WRONG', 'the assertion of the certificate was used before'),
  '7000222': fault('APP_SECRET_EXPIRED', 'the secret of the application has expired'),
  '1000502': fault('APP_SECRET_EXPIRED', 'the certificate of the application has expired'),
  '700024': fault(
    'CLOCK_WRONG',
    'the assertion of the certificate is not valid at this time: the clock of this machine is wrong',
  ),
  // What it may do.
  '65001': fault('CONSENT_REVOKED', 'an administrator has not consented to the application'),
  '650052': fault('CONSENT_REVOKED', 'the tenant has not subscribed to the service that the application asks for'),
  '650057': fault('CONSENT_REVOKED', 'the application asks for an API that it has no permission of'),
  '500011': fault('CONSENT_REVOKED', 'the tenant does not know the API that the token is for'),
  '501051': fault('CONSENT_REVOKED', 'the application is not assigned to the API that the token is for'),
  '90094': fault('CONSENT_REVOKED', 'an administrator has to consent to the application'),
  '1002012': fault('PLAN_INVALID', 'the scope must end in `/.default`'),
  '70011': fault('PLAN_INVALID', 'the scope is not valid'),
  // Policies of the tenant (T62).
  '53003': fault('SIGN_IN_BLOCKED', 'a Conditional Access policy of the tenant lets no token be given'),
  '530032': fault('SIGN_IN_BLOCKED', 'a security policy of the tenant blocks the request'),
  '53000': fault('SIGN_IN_BLOCKED', 'a Conditional Access policy asks for a device that is managed'),
  '53001': fault('SIGN_IN_BLOCKED', 'a Conditional Access policy asks for a device that has joined the tenant'),
  '530004': fault('SIGN_IN_BLOCKED', 'a Conditional Access policy asks for a device that is managed'),
  '50076': fault('SIGN_IN_BLOCKED', 'security defaults or a policy ask for a second factor, which no program has'),
  '50079': fault('SIGN_IN_BLOCKED', 'security defaults or a policy ask for a second factor, which no program has'),
  '50158': fault('SIGN_IN_BLOCKED', 'a policy asks for a check that only a person can pass'),
  '500212': fault('SIGN_IN_BLOCKED', 'restrictions of the network do not let this tenant be used'),
  // Accounts of people, where one is signed in.
  '50034': fault('AUTH_FAILED', 'the tenant has no such account'),
  '50126': fault('AUTH_FAILED', 'user name or password is wrong'),
  '50053': fault('AUTH_FAILED', 'the account is locked after too many wrong passwords'),
  '50055': fault('AUTH_FAILED', 'the password has expired'),
  '50057': fault('AUTH_FAILED', 'the account is turned off'),
  // What passes by itself.
  '90055': fault('THROTTLED', 'the tenant is asked for too many tokens'),
  '50196': fault('THROTTLED', 'the same token was asked for too often'),
  '90006': fault('TARGET_ADMIN_UNREACHABLE', 'the identity platform is busy'),
  '90033': fault('TARGET_ADMIN_UNREACHABLE', 'the identity platform is busy'),
  '90025': fault('TARGET_ADMIN_UNREACHABLE', 'the identity platform is busy'),
};

/** By the words of RFC 6749 §5.2, for platforms and numbers that are not known. */
const WORDS: Readonly<Record<string, EntraFault>> = {
  // The client is known but may not have a token this way. For Entra: not consented to, or gone from the tenant.
  unauthorized_client: fault('CONSENT_REVOKED', 'unauthorized_client'),
  access_denied: fault('CONSENT_REVOKED', 'access_denied'),
  invalid_client: fault('APP_SECRET_WRONG', 'invalid_client'),
  temporarily_unavailable: fault('TARGET_ADMIN_UNREACHABLE', 'the identity platform is busy'),
};

/**
 * @param word         `error` of the answer, e.g. `invalid_client`
 * @param description  `error_description`, which begins with the number
 * @returns null where neither is known
 */
export function entraFault(word: string | null, description: string | null): EntraFault | null {
  const numbers = [...(description ?? '').matchAll(/AADSTS(\d+)/g)].flatMap(([, number]) => number ?? []);
  for (const number of numbers) {
    const found = FAULTS[number];
    if (found !== undefined) return { ...found, message: `${found.message} (AADSTS${number})` };
  }
  const told = WORDS[word ?? ''];
  if (told === undefined) return null;
  const [number] = numbers;
  return number === undefined ? told : { ...told, message: `${told.message} (AADSTS${number})` };
}

function fault(code: ErrorCode, message: string): EntraFault {
  return { code, message };
}
