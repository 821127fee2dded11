/** The demo speaks to the service by its public interface only, as anybody's script would. */
export class Rest {
  readonly #baseUrl: string;
  readonly #authorization: string;

  /** @param authorization `Bearer <operator token>` or `Link <key from a mail>` */
  constructor(baseUrl: string, authorization: string) {
    this.#baseUrl = baseUrl;
    this.#authorization = authorization;
  }

  async get<T>(path: string): Promise<T> {
    return await this.#call<T>('GET', path);
  }

  async getText(path: string): Promise<string> {
    const response = await fetch(this.#baseUrl + path, { headers: { authorization: this.#authorization } });
    return await response.text();
  }

  async post<T>(path: string, body: unknown = {}, key?: string): Promise<T> {
    return await this.#call<T>('POST', path, body, key);
  }

  async put<T>(path: string, body: unknown): Promise<T> {
    return await this.#call<T>('PUT', path, body);
  }

  async #call<T>(method: string, path: string, body?: unknown, key?: string): Promise<T> {
    const response = await fetch(this.#baseUrl + path, {
      method,
      headers: {
        authorization: this.#authorization,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(key !== undefined && { 'idempotency-key': key }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new RestError(response.status, method, path, text);
    return (text === '' ? null : JSON.parse(text)) as T; // shapes are the API's own, tested there
  }
}

export class RestError extends Error {
  override readonly name = 'RestError';
  readonly status: number;

  constructor(status: number, method: string, path: string, text: string) {
    super(`${method} ${path} answered ${status}: ${text}`);
    this.status = status;
  }
}
