/** One HTTP request as the simulator's fronts see it: Graph, administration, EWS, the token endpoint. */
export interface HttpCall {
  readonly method: string;
  /** Without query, as it came, e.g. `/v1.0/users/anna%40harbour.test`. */
  readonly path: string;
  /** Of the path, decoded. */
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
  /** `https://host:port`, for links that an answer holds. */
  readonly origin: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object goes out as JSON. */
  readonly body: object | string | Buffer | null;
}

/** One of the simulator's doors. It may throw Refusal, which is answered as it says. */
export interface Front {
  /** Whether a call is its; the first front that says so answers. */
  takes(call: HttpCall): boolean;
  /** Longer bodies are answered 413 and not read. */
  readonly maxBodyBytes: number;
  /** In place of Graph's words for a body that is too long. */
  readonly tooLarge?: HttpAnswer;
  /** What the call is in `tenant.calls` and to faults: `POST /v1.0/users`, a cmdlet's name, `CreateItem`. */
  nameOf(call: HttpCall): string;
  answer(call: HttpCall): HttpAnswer | Promise<HttpAnswer>;
}

/** The body as JSON; null where it is none: routes that need a body say so in their own words. */
export function jsonOf({ body }: HttpCall): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return null;
  }
}
