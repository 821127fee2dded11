import type { ImapFlow } from 'imapflow';

/** A response line as imapflow's parser hands it on: what stands behind the keyword, lists as arrays, NIL as null. */
export interface RawResponse {
  readonly command: string;
  readonly attributes?: readonly RawToken[];
}
export type RawToken =
  | { readonly type: string; readonly value?: unknown; readonly section?: readonly RawToken[] }
  | readonly RawToken[]
  | null;

/** ATOM and STRING are quoted where they have to be; SEQUENCE and TEXT go as they are and cannot hold a line end. */
export type RawArgument =
  | { readonly type: 'ATOM' | 'STRING' | 'SEQUENCE' | 'TEXT'; readonly value: string }
  | readonly RawArgument[];

export interface RawOptions {
  /** By keyword, `FETCH` for `* 1 FETCH`. The connection is read no further until the handler is through. */
  readonly untagged?: Readonly<Record<string, (response: RawResponse) => void | Promise<void>>>;
  /** The command line is written. */
  readonly onSend?: () => void;
  /** The server asks for what follows (`+`). */
  readonly onPlusTag?: () => void;
}

/**
 * One command in words of our own. `exec` of imapflow 2.10.2 is not in its typings; this is the one place that calls it.
 * @returns the tagged OK
 * @throws as imapflow: an error with `responseStatus`, `responseText` and `serverResponseCode`, or with the `code` of a lost connection
 */
export async function execRaw(
  client: ImapFlow,
  command: string,
  args: readonly RawArgument[],
  options: RawOptions = {},
): Promise<RawResponse> {
  const { exec } = client as unknown as { exec?: unknown }; // looked at in the next line
  if (typeof exec !== 'function') throw new Error('this imapflow has no exec');
  try {
    const { response, next } = (await exec.call(client, command, args, options)) as Executed; // as of 2.10.2
    // Until then it reads nothing more.
    next();
    return response;
  } catch (error) {
    const code = codeOf(Object(error).response);
    throw code === null ? error : Object.assign(Object(error), { serverResponseCode: code.name });
  }
}

interface Executed {
  readonly response: RawResponse;
  readonly next: () => void;
}

/** `[NAME arg …]` at the head of a status response (RFC 3501 §7.1), with texts of its arguments. */
export function codeOf(response: unknown): { readonly name: string; readonly args: readonly string[] } | null {
  const attributes: unknown = Object(response).attributes;
  const first: unknown = Array.isArray(attributes) ? attributes[0] : null;
  const section: unknown = Object(first).section;
  if (!Array.isArray(section) || Object(first).value) return null;
  const [name, ...args] = section.map((token) => textOf(token) ?? '');
  return name === undefined || name === '' ? null : { name: name.toUpperCase(), args };
}

export function textOf(token: unknown): string | null {
  const value: unknown = Object(token).value;
  if (typeof value === 'string') return value;
  return Buffer.isBuffer(value) ? value.toString('utf8') : null;
}

/**
 * Untagged responses of one command, one by one, which hold the server back meanwhile. `readers` turn a response into rows.
 * @throws as {@link execRaw}
 */
export async function* streamRaw<T>(
  client: ImapFlow,
  command: string,
  args: readonly RawArgument[],
  readers: Readonly<Record<string, (response: RawResponse) => readonly T[]>>,
): AsyncGenerator<T, void, undefined> {
  const waiting: { readonly rows: readonly T[]; readonly release: () => void }[] = [];
  let end: { readonly error?: unknown } | null = null;
  let left = false;
  let wake = () => {};
  const handler = (read: (response: RawResponse) => readonly T[]) => (response: RawResponse) => {
    const rows = left ? [] : read(response);
    if (rows.length === 0) return undefined;
    return new Promise<void>((release) => {
      waiting.push({ rows, release });
      wake();
    });
  };
  const untagged = Object.fromEntries(Object.entries(readers).map(([name, read]) => [name, handler(read)]));
  execRaw(client, command, args, { untagged })
    .then(
      () => {
        end = {};
      },
      (error: unknown) => {
        end = { error };
      },
    )
    .finally(() => wake());
  try {
    for (;;) {
      const next = waiting[0];
      if (next !== undefined) {
        yield* next.rows;
        waiting.shift();
        next.release();
      } else if (end !== null) {
        break;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    left = true;
    for (const { release } of waiting) release();
  }
  const { error } = end as { readonly error?: unknown }; // not null: the loop ended
  if (error !== undefined) throw error;
}
