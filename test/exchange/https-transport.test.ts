import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createHttpsTransport, NoAnswerError, type PiecedBody } from '../../adapters/graph/https-transport.ts';
import { type Authority, createAuthority } from '../../lab/authority.ts';

const PIECE = Buffer.alloc(64 * 1024, 'a');
/** More than sockets and kernel take while nobody reads. */
const PIECES = 256;

let authority: Authority;
let url: string;
let close: () => void;
/** Sizes of the bodies that arrived whole. */
let arrived: number[];

beforeAll(async () => {
  authority = await createAuthority();
});
beforeEach(async () => {
  arrived = [];
  const server = createServer(await authority.issue(['localhost']), (request, response) => {
    if (request.url === '/refuse') return void response.writeHead(413).end('too large');
    let size = 0;
    request.on('data', (chunk: Buffer) => (size += chunk.length));
    request.on('end', () => {
      arrived.push(size);
      response.end(`${size}`);
    });
    request.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  url = `https://localhost:${(server.address() as AddressInfo).port}`;
  close = () => {
    server.close();
    server.closeAllConnections();
  };
});
afterEach(() => close());

function call(path: string, body: string | PiecedBody | null) {
  const send = createHttpsTransport(authority.caPem);
  return send({ url: `${url}${path}`, method: 'POST', headers: {}, body, signal: AbortSignal.timeout(10_000) });
}

function pieced(onPiece: (at: number) => void = () => undefined): PiecedBody {
  return {
    sizeBytes: PIECE.length * PIECES,
    *pieces() {
      for (let at = 0; at < PIECES; at += 1) {
        onPiece(at);
        yield PIECE;
      }
    },
  };
}

describe('a body that is made while it travels', () => {
  test('arrives whole', async () => {
    const response = await call('/', pieced());
    expect(await response.text()).toBe(`${PIECE.length * PIECES}`);
    expect(arrived).toEqual([PIECE.length * PIECES]);
  });

  test('that cannot go on ends the call, and the server never has all of it', async () => {
    const stop = new Error('the lease is lost');
    const failure = await call(
      '/',
      pieced((at) => {
        if (at === PIECES - 1) throw stop;
      }),
    ).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(NoAnswerError);
    expect(failure).toMatchObject({ sent: true, cause: stop });
    expect(arrived).toEqual([]);
  });

  test('travels no further once the server has refused it', async () => {
    let made = 0;
    const response = await call(
      '/refuse',
      pieced((at) => {
        made = at;
      }),
    );
    expect(response.status).toBe(413);
    await expect.poll(() => made).toBeLessThan(PIECES - 1);
  });
});
