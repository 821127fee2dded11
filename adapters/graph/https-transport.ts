import { once } from 'node:events';
import type { ClientRequest } from 'node:http';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import { createSecureContext, getCACertificates, type TLSSocket } from 'node:tls';

/** An answer of Graph or Exchange is mostly a page of JSON; more than this is something else, unless the caller expects it. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** A body that is made while it travels: a message of 48 MB need not be in memory a second time as base64. */
export interface PiecedBody {
  readonly sizeBytes: number;
  /** Asked for one by one as the connection takes them; what it throws ends the call and its connection. */
  pieces(): Iterable<Buffer>;
}

export interface HttpsCall {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer | PiecedBody | null;
  readonly signal: AbortSignal;
  /** A longer answer is cut off and counts as none. Whoever sets it here reads `content`: the Response has no body then. */
  readonly maxAnswerBytes?: number;
}

/** With the body as it came: a Response copies it twice, which a message of 100 MB does not bear. */
export interface HttpsAnswer extends Response {
  readonly content: Buffer;
}

/** A call without an answer. `sent` false: no byte of it can have reached the server, so it did not happen. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
  readonly sent: boolean;
  /** Node's or OpenSSL's code, e.g. ECONNREFUSED, CERT_HAS_EXPIRED. */
  readonly code: string;

  constructor(sent: boolean, code: string, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.sent = sent;
    this.code = code;
  }
}

export type HttpsTransport = (call: HttpsCall) => Promise<HttpsAnswer>;

/**
 * One call, one attempt, the whole body read. Not `fetch`: that hides whether anything was sent before a failure, and trusts a
 * private authority only if the whole process does; here the authority counts for one tenant's connections.
 * @throws NoAnswerError
 */
export function createHttpsTransport(caPem: string | null, maxAnswerBytes = MAX_ANSWER_BYTES): HttpsTransport {
  // Made once: parsing the system's authorities again for each connection takes longer than the connection.
  const secureContext =
    caPem === null ? undefined : createSecureContext({ ca: [...getCACertificates('default'), caPem] });
  const agent = new Agent({ keepAlive: true, maxSockets: 8, ...(secureContext && { secureContext }) });
  return (call) => send(call, agent, call.maxAnswerBytes ?? maxAnswerBytes);
}

function send(call: HttpsCall, agent: Agent, maxAnswerBytes: number): Promise<HttpsAnswer> {
  const { url, method, headers, body, signal } = call;
  return new Promise((resolve, reject) => {
    let sent = false;
    const fail = (error: unknown) => reject(new NoAnswerError(sent, codeOf(error), error));
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    const length = Buffer.isBuffer(bytes) ? bytes.length : bytes?.sizeBytes;
    const options: RequestOptions = {
      method,
      agent,
      signal,
      headers: { ...headers, ...(length !== undefined && { 'content-length': length }) },
    };
    const request = httpsRequest(url, options, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxAnswerBytes) response.destroy(new Error(`the answer is larger than ${maxAnswerBytes} bytes`));
        else chunks.push(chunk);
      });
      response.on('error', fail);
      response.on('end', () => {
        const status = response.statusCode ?? 0;
        if (status < 200 || status > 599) return fail(new Error(`HTTP status ${status}`));
        const answerHeaders = new Headers();
        for (const [name, value] of Object.entries(response.headersDistinct)) {
          for (const one of value ?? []) answerHeaders.append(name, one);
        }
        const [only] = chunks;
        const content = chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, size);
        // RFC 9110 §6.4.1: these never have a body, and Response refuses one.
        const isBodiless = status === 204 || status === 205 || status === 304;
        const own = isBodiless || call.maxAnswerBytes !== undefined ? null : content;
        const answer = new Response(own, { status, headers: answerHeaders });
        resolve(Object.assign(answer, { content }));
        // Refused before it was all there (413): the rest need not travel, and the connection is of no use to another call.
        if (!request.writableFinished) request.destroy();
      });
    });
    request.on('error', fail);
    request.on('socket', (socket) => {
      if (request.reusedSocket) sent = true;
      else (socket as TLSSocket).once('secureConnect', () => (sent = true)); // an https agent makes nothing else
    });
    if (bytes === null || Buffer.isBuffer(bytes)) request.end(bytes ?? undefined);
    else sendPieces(request, bytes).catch((error: unknown) => request.destroy(toError(error)));
  });
}

/** A server that has answered before the end takes no more: then the rest stays here with its connection. */
async function sendPieces(request: ClientRequest, body: PiecedBody): Promise<void> {
  for (const piece of body.pieces()) {
    if (request.destroyed) return;
    if (!request.write(piece)) await once(request, 'drain');
  }
  request.end();
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'UNKNOWN';
}
