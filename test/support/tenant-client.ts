/** A bare client for suites that look at the simulated tenant itself: HTTPS with checks on, no adapter in between. */
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { createAuthority } from '../../lab/authority.ts';
import { type HostedTenant, type HostedTenantOptions, startHostedTenant } from '../../lab/exchange/tenant.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON, empty where it is none. */
  readonly json: Json;
  /** `value` of a collection, empty where there is none. */
  readonly rows: readonly Json[];
  /** Of Graph's error body. */
  readonly code: string | null;
}

/** What a test reads of an answer; a leaf is whatever it is: expectations say what it has to be. */
export interface Json {
  readonly [name: string]: Json;
}

export interface Call {
  readonly method?: string;
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object goes as JSON. */
  readonly body?: object | string | Buffer;
}

export const DOMAIN = 'harbour.test';
export const SECRET = 'lab-secret';

/** A tenant with the mailboxes of these people, ready, and a token of the default application. */
export async function startTenant(
  people: readonly string[] = ['anna'],
  options: Partial<HostedTenantOptions> = {},
): Promise<TenantClient> {
  const authority = await createAuthority();
  setDefaultCACertificates([...getCACertificates('default'), authority.caPem]);
  const tenant = await startHostedTenant({ authority, domains: [DOMAIN], readyAfterMs: 0, ...options });
  for (const name of people) tenant.addMailbox(`${name}@${DOMAIN}`);
  const client = new TenantClient(tenant);
  client.token = await client.getToken();
  return client;
}

export class TenantClient {
  readonly tenant: HostedTenant;
  token: string | null = null;

  constructor(tenant: HostedTenant) {
    this.tenant = tenant;
  }

  /** Of the default application, or as the form says. */
  async getToken(form: Readonly<Record<string, string>> = {}): Promise<string> {
    const answer = await this.askToken(form);
    if (answer.status !== 200) throw new Error(`no token: ${answer.text}`);
    return String(answer.json['access_token']);
  }

  async askToken(form: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: this.tenant.clientId,
      ...(form['client_assertion'] === undefined && { client_secret: SECRET }),
      scope: 'https://graph.microsoft.com/.default',
      ...form,
    });
    return await this.send(this.tenant.tokenUrl, {
      method: 'POST',
      token: null,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: body.toString(),
    });
  }

  /** @param path below the base, e.g. `v1.0/users`, or a whole URL */
  async send(path: string, { method = 'GET', token = this.token, headers = {}, body }: Call = {}): Promise<Answer> {
    const isObject = typeof body === 'object' && !Buffer.isBuffer(body);
    const response = await fetch(path.startsWith('https:') ? path : `${this.tenant.baseUrl}${path}`, {
      method,
      headers: {
        ...(token !== null && { authorization: `Bearer ${token}` }),
        ...(isObject && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && {
        body: isObject ? JSON.stringify(body) : Buffer.isBuffer(body) ? Uint8Array.from(body) : body,
      }),
    });
    const text = await response.text();
    const json = jsonOf(text);
    const { value } = json;
    const rows: readonly Json[] = Array.isArray(value) ? value : [];
    const code = json['error']?.['code'];
    return { status: response.status, headers: response.headers, text, json, rows, code: code ? String(code) : null };
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.send(path, { headers });
  }

  post(path: string, body: object | string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.send(path, { method: 'POST', body, headers });
  }

  patch(path: string, body: object): Promise<Answer> {
    return this.send(path, { method: 'PATCH', body });
  }

  async close(): Promise<void> {
    await this.tenant.close();
  }
}

function jsonOf(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
