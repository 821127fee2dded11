import { randomBytes } from 'node:crypto';
import { Refusal } from '../refusal.ts';

export interface AccessOptions {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly tokenLifeSeconds: number;
  readonly now: () => number;
}

/** Client credentials of one application (RFC 6749 §4.4), with Entra's error texts. */
export class Access {
  readonly #options: AccessOptions;
  readonly #tokens = new Map<string, number>();
  /** How many tokens were given. */
  given = 0;
  /** What an administrator can take back: tokens are given all the same, and then lack every right. */
  consented = true;
  clientSecret: string;

  constructor(options: AccessOptions) {
    this.#options = options;
    this.clientSecret = options.clientSecret;
  }

  answer(form: URLSearchParams): object {
    const { clientId, tokenLifeSeconds, now } = this.#options;
    if (form.get('grant_type') !== 'client_credentials') throw refusal(400, 'unsupported_grant_type', 'AADSTS70003');
    if (!form.get('scope')?.endsWith('/.default')) throw refusal(400, 'invalid_scope', 'AADSTS1002012');
    if (form.get('client_id') !== clientId) throw refusal(400, 'unauthorized_client', 'AADSTS700016');
    if (form.get('client_secret') !== this.clientSecret) throw refusal(401, 'invalid_client', 'AADSTS7000215');
    const token = randomBytes(24).toString('base64url');
    this.#tokens.set(token, now() + tokenLifeSeconds * 1_000);
    this.given += 1;
    return { token_type: 'Bearer', expires_in: tokenLifeSeconds, access_token: token };
  }

  /** @throws Refusal 401 for a token that is missing, unknown or over, 403 where consent was taken back */
  require(authorization: string | undefined): void {
    const endsAt = this.#tokens.get(authorization?.replace(/^Bearer /, '') ?? '');
    if (endsAt === undefined || endsAt <= this.#options.now()) {
      const text = 'Access token has expired or is not yet valid.';
      throw new Refusal(401, { error: { code: 'InvalidAuthenticationToken', message: text } });
    }
    if (this.consented) return;
    const text = 'Insufficient privileges to complete the operation.';
    throw new Refusal(403, { error: { code: 'Authorization_RequestDenied', message: text } });
  }

  revokeTokens(): void {
    this.#tokens.clear();
  }
}

function refusal(status: number, error: string, number: string): Refusal {
  return new Refusal(status, { error, error_description: `${number}: refused by the lab's tenant.` });
}
