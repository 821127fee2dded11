import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Authority } from '../authority.ts';
import type { HttpCall } from './front.ts';
import type { Switchboard } from './switchboard.ts';

const HOST = '127.0.0.1';
const NO_BODY = Buffer.alloc(0);

export interface HttpsServer {
  /** With a slash at its end. */
  readonly baseUrl: string;
  close(): Promise<void>;
}

/** The tenant's one HTTPS server, with a certificate of the lab's authority. */
export async function startHttpsServer(
  authority: Authority,
  port: number,
  switchboard: Switchboard,
): Promise<HttpsServer> {
  const { key, cert } = await authority.issue([HOST, 'localhost']);
  const server = createServer({ key, cert }, (request, response) => {
    handle(request, response, switchboard).catch((error: unknown) => {
      // A client that leaves in the middle of its request is no failure of the server.
      if (!request.complete) return;
      process.emitWarning(`the lab's tenant failed: ${error instanceof Error ? error.stack : String(error)}`);
      response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, HOST, resolve);
  });
  const { port: listening } = server.address() as AddressInfo; // a TCP listener's address is never a string
  return {
    baseUrl: `https://${HOST}:${listening}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function handle(request: IncomingMessage, response: ServerResponse, switchboard: Switchboard): Promise<void> {
  const url = new URL(request.url ?? '/', `https://${request.headers.host ?? HOST}`);
  const head = { ...headOf(request, url), body: NO_BODY };
  const body = await readBody(request, switchboard.maxBodyBytes(head));
  const served = await switchboard.serve({ ...head, body: body ?? NO_BODY }, body !== null);
  if (served === 'hang') return;
  if (served === 'drop') {
    request.socket.destroy();
    return;
  }
  const { status, headers, body: content } = served;
  const isPlain = content === null || typeof content === 'string' || Buffer.isBuffer(content);
  response.writeHead(status, { ...(!isPlain && { 'content-type': 'application/json' }), ...headers });
  response.end(isPlain ? (content ?? '') : JSON.stringify(content));
}

function headOf(request: IncomingMessage, url: URL): Omit<HttpCall, 'body'> {
  return {
    method: request.method ?? 'GET',
    path: url.pathname,
    segments: segmentsOf(url),
    query: url.searchParams,
    headers: Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
    ),
    origin: url.origin,
  };
}

export function segmentsOf({ pathname }: URL): string[] {
  return pathname.split('/').slice(1).map(decodeURIComponent);
}

/** Null for one that is too long; the rest of it is read and thrown away. */
async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= maxBytes) chunks.push(chunk);
  }
  return size <= maxBytes ? Buffer.concat(chunks) : null;
}
