import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { graphRefusal, Refusal } from '../refusal.ts';
import { Application, type ApplicationOptions } from './application.ts';
import { ASSERTION_TYPE, faultOfAssertion } from './client-assertion.ts';
import { MailboxRights } from './mailbox-rights.ts';
import { type Resource, type Role, resourcesOf } from './roles.ts';

export interface AccessOptions {
  readonly tenantId: string;
  /** One that has every right, for those who do not care. */
  readonly clientId: string;
  readonly clientSecret: string;
  readonly tokenLifeSeconds: number;
  readonly now: () => number;
}

export interface Wanted {
  readonly resource: Resource;
  /** One of them is enough. */
  readonly roles: readonly Role[];
}

/** Who calls, once the token was found good. */
export interface Caller {
  readonly application: Application;
  readonly roles: readonly Role[];
}

export type TokenFault = 'missing' | 'ended' | 'audience' | 'rights';

interface Token {
  readonly application: Application;
  readonly resources: readonly Resource[];
  readonly roles: readonly Role[];
  readonly endsAtMs: number;
}

/** The tenant's applications, and client credentials for them (RFC 6749 §4.4) with Entra's error numbers. */
export class Access {
  readonly applications = new Map<string, Application>();
  readonly mailboxes: MailboxRights;
  /** Checks the signature of every token. */
  readonly publicKey: KeyObject;
  /** How many tokens were given. */
  given = 0;
  readonly #options: AccessOptions;
  readonly #privateKey: KeyObject;
  readonly #tokens = new Map<string, Token>();
  readonly #usedAssertions = new Set<string>();
  readonly #default: Application;

  constructor(options: AccessOptions) {
    this.#options = options;
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.publicKey = publicKey;
    this.#privateKey = privateKey;
    this.#default = this.register({ clientId: options.clientId, secrets: [options.clientSecret] });
    this.mailboxes = new MailboxRights((clientId) => this.applications.get(clientId) ?? null);
  }

  /** The same client id again replaces the application; its tokens end. */
  register(options: ApplicationOptions): Application {
    const application = new Application(options);
    this.applications.set(options.clientId, application);
    return application;
  }

  /** Of the default application. */
  get consented(): boolean {
    return this.#default.consented;
  }

  set consented(value: boolean) {
    this.#default.consented = value;
  }

  /** Of the default application; setting it ends the old one. */
  set clientSecret(value: string) {
    this.#default.secrets.clear();
    this.#default.secrets.add(value);
  }

  /** @param tokenUrl where the form was sent */
  async answer(form: URLSearchParams, tokenUrl: string): Promise<object> {
    const { tokenLifeSeconds, tenantId, now } = this.#options;
    if (form.get('grant_type') !== 'client_credentials') throw refusal(400, 'unsupported_grant_type', 'AADSTS70003');
    if (!form.get('scope')?.endsWith('/.default')) throw refusal(400, 'invalid_scope', 'AADSTS1002012');
    const application = this.applications.get(form.get('client_id') ?? '');
    if (application === undefined) throw refusal(400, 'unauthorized_client', 'AADSTS700016');
    const fault = await this.#faultOfProof(form, application, tokenUrl);
    if (fault !== null) throw refusal(401, 'invalid_client', fault);
    const scope = resourcesOf(form.get('scope'));
    if (scope === null) throw refusal(400, 'invalid_resource', 'AADSTS500011');
    const { audience, resources } = scope;
    const roles = application.rolesFor(resources);
    const startsAt = Math.floor(now() / 1_000);
    const value = await new SignJWT({
      appid: application.clientId,
      tid: tenantId,
      ver: '1.0',
      roles,
      uti: randomUUID(),
    })
      .setProtectedHeader({ alg: 'ES256', typ: 'JWT' })
      .setIssuer(`https://sts.windows.net/${tenantId}/`)
      .setAudience(audience)
      .setSubject(application.principalId)
      .setIssuedAt(startsAt)
      .setNotBefore(startsAt)
      .setExpirationTime(startsAt + tokenLifeSeconds)
      .sign(this.#privateKey);
    this.#tokens.set(value, { application, resources, roles, endsAtMs: now() + tokenLifeSeconds * 1_000 });
    this.given += 1;
    return { token_type: 'Bearer', expires_in: tokenLifeSeconds, access_token: value };
  }

  /**
   * Whether a token opens something: known, not over, meant for the resource, with one of the roles when it was given, and consent
   * still there. Entra lets a token live on after consent is gone; here it ends at once, which is the harder case.
   */
  check(token: string | undefined, wanted?: Wanted): Caller | TokenFault {
    if (token === undefined || token === '') return 'missing';
    const known = this.#tokens.get(token);
    if (known === undefined) return 'missing';
    const { application, resources, roles, endsAtMs } = known;
    if (endsAtMs <= this.#options.now()) return 'ended';
    if (this.applications.get(application.clientId) !== application) return 'ended';
    if (wanted !== undefined && !resources.includes(wanted.resource)) return 'audience';
    const lacksRole = wanted !== undefined && !wanted.roles.some((role) => roles.includes(role));
    return !application.consented || roles.length === 0 || lacksRole ? 'rights' : { application, roles };
  }

  /** @throws Refusal in Graph's words: 401 for a token that is missing, unknown, over or for another API; 403 where it lacks the right */
  require(authorization: string | undefined, wanted?: Wanted): Caller {
    const caller = this.check(bearerOf(authorization), wanted);
    if (typeof caller !== 'string') return caller;
    if (caller === 'rights') {
      throw graphRefusal(403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.');
    }
    throw graphRefusal(401, 'InvalidAuthenticationToken', TEXTS[caller]);
  }

  /** All tokens that were given end now. */
  revokeTokens(): void {
    this.#tokens.clear();
  }

  async #faultOfProof(form: URLSearchParams, application: Application, tokenUrl: string): Promise<string | null> {
    const secret = form.get('client_secret');
    const assertion = form.get('client_assertion');
    if (assertion === null) {
      if (secret === null) return 'AADSTS7000218';
      return application.secrets.has(secret) ? null : 'AADSTS7000215';
    }
    if (secret !== null || form.get('client_assertion_type') !== ASSERTION_TYPE) return 'AADSTS50027';
    const check = { tokenUrl, nowMs: this.#options.now(), used: this.#usedAssertions };
    return await faultOfAssertion(assertion, application, check);
  }
}

const TEXTS = {
  missing: 'Access token is empty or not known.',
  ended: 'Access token has expired or is not yet valid.',
  audience: 'Access token validation failure. Invalid audience.',
} as const;

export function bearerOf(authorization: string | undefined): string | undefined {
  return /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1];
}

function refusal(status: number, error: string, number: string): Refusal {
  return new Refusal(status, { error, error_description: `${number}: refused by the lab's tenant.` });
}
