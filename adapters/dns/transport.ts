import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import * as packet from 'dns-packet';
import { canonicalName } from '../../domain/dns.ts';

export interface Query {
  readonly name: string;
  readonly type: 'MX' | 'CNAME' | 'TXT' | 'A' | 'AAAA' | 'NS' | 'SOA';
  /** RD: asked of recursive servers only. */
  readonly recursion: boolean;
}

export interface Server {
  readonly address: string;
  readonly port: number;
}

export type Reply = packet.DecodedPacket & { readonly rcode: string };

/** Thrown for a reply that is no DNS, or not ours; a reply that never comes is a plain time-out. */
export class MalformedReply extends Error {
  override readonly name = 'MalformedReply';
}

export class NoReply extends Error {
  override readonly name = 'NoReply';
}

/** Two tries of this length by UDP: a dead server costs 3 s, six of which two are dead stay under 10 s. */
const UDP_TRY_MS = 1_500;
const UDP_TRIES = 2;
const TCP_MS = 3_000;
/** Fits an unfragmented packet (DNS flag day 2020). */
const EDNS_BYTES = 1_232;

/**
 * Asks one server: UDP, and TCP when the answer was cut short (TC, RFC 7766 §5).
 * @throws NoReply, MalformedReply; the signal's reason when aborted
 */
export async function askServer(server: Server, query: Query, signal: AbortSignal): Promise<Reply> {
  signal.throwIfAborted();
  const id = randomInt(1, 65_536);
  const request = packet.encode({
    type: 'query',
    id,
    flags: query.recursion ? packet.RECURSION_DESIRED : 0,
    questions: [{ type: query.type, name: query.name }],
    additionals: [
      {
        type: 'OPT',
        name: '.',
        udpPayloadSize: EDNS_BYTES,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: 0,
        flag_do: false,
        options: [],
      },
    ],
  });
  for (let attempt = 1; ; attempt += 1) {
    try {
      const reply = decode(await overUdp(server, request, id, signal), id, query);
      return reply.flag_tc ? decode(await overTcp(server, request, signal), id, query) : reply;
    } catch (error) {
      if (!(error instanceof NoReply) || attempt >= UDP_TRIES) throw error;
    }
  }
}

function decode(bytes: Buffer, id: number, query: Query): Reply {
  let reply: packet.DecodedPacket;
  try {
    reply = packet.decode(bytes);
  } catch (error) {
    throw new MalformedReply('the reply cannot be read', { cause: error });
  }
  if (reply.id !== id || reply.type !== 'response') throw new MalformedReply('the reply is not one to our question');
  // A server that refuses may leave the question out; one that answers another question answers nobody (RFC 5452 §9.1).
  const [question] = reply.questions ?? [];
  if (question && (question.type !== query.type || canonicalName(question.name) !== canonicalName(query.name))) {
    throw new MalformedReply('the reply answers another question');
  }
  return { ...reply, rcode: RCODES[(reply.flags ?? 0) & 0xf] ?? 'OTHER' };
}

/** RFC 1035 §4.1.1. */
const RCODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];

function overUdp(server: Server, request: Buffer, id: number, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4');
    const end = (settle: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      socket.close();
      settle();
    };
    const timer = setTimeout(() => end(() => reject(new NoReply(`no reply from ${server.address}`))), UDP_TRY_MS);
    const abort = () => end(() => reject(signal.reason));
    signal.addEventListener('abort', abort, { once: true });
    socket.once('error', (error) =>
      end(() => reject(new NoReply(`no reply from ${server.address}`, { cause: error }))),
    );
    socket.on('message', (message, from) => {
      // Replies from elsewhere, or with another id, are somebody's guess at ours: wait for the real one.
      if (from.port !== server.port || message.length < 2 || message.readUInt16BE(0) !== id) return;
      end(() => resolve(message));
    });
    socket.send(request, server.port, server.address);
  });
}

function overTcp(server: Server, request: Buffer, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: server.address, port: server.port, signal });
    let received = Buffer.alloc(0);
    const fail = (error?: Error) => {
      socket.destroy();
      reject(
        signal.aborted ? signal.reason : new NoReply(`no reply from ${server.address} over TCP`, { cause: error }),
      );
    };
    socket.setTimeout(TCP_MS, fail);
    socket.once('error', fail);
    socket.once('close', () => fail());
    socket.once('connect', () => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(request.length);
      socket.write(Buffer.concat([length, request]));
    });
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      resolve(received.subarray(2, 2 + received.readUInt16BE(0)));
      socket.destroy();
    });
  });
}
