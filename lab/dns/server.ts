import { createSocket, type Socket } from 'node:dgram';
import { createServer, type Server } from 'node:net';
import * as packet from 'dns-packet';
import type { Zone } from './zone.ts';

export interface LabDnsServer {
  readonly address: string;
  readonly port: number;
  /** Queries that came, by UDP and TCP. */
  readonly queries: { name: string; type: string }[];
  close(): Promise<void>;
}

/** What fits a UDP answer when the client says nothing of EDNS (RFC 1035 §2.3.4). */
const PLAIN_UDP_BYTES = 512;

/**
 * An authoritative name server on UDP and TCP, at the same port of any address (Linux binds all of 127/8).
 *
 * @param port  0 lets the system choose; a second server that has to share the first one's port is given it.
 */
export async function startDnsServer({
  zone,
  address = '127.0.0.1',
  port = 0,
}: {
  zone: Zone;
  address?: string;
  port?: number;
}): Promise<LabDnsServer> {
  const queries: { name: string; type: string }[] = [];
  const respond = (bytes: Buffer): packet.Packet | null => {
    try {
      const query = packet.decode(bytes);
      const [question] = query.questions ?? [];
      if (question) queries.push({ name: question.name, type: question.type });
      return zone.answer(query);
    } catch {
      return null; // no DNS: real servers are silent, too
    }
  };
  const tcp = createServer((socket) => {
    let received = Buffer.alloc(0);
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      const answer = respond(received.subarray(2));
      if (answer) socket.end(packet.streamEncode(answer));
      else socket.destroy();
    });
  });
  const bound = await listenTcp(tcp, address, port);
  const udp = await bindUdp(address, bound);
  udp.on('message', (message, from) => {
    const answer = respond(message);
    if (!answer) return;
    const bytes = packet.encode(answer);
    const cut =
      bytes.length <= PLAIN_UDP_BYTES
        ? bytes
        : packet.encode({
            ...answer,
            answers: [],
            additionals: [],
            flags: (answer.flags ?? 0) | packet.TRUNCATED_RESPONSE,
          });
    udp.send(cut, from.port, from.address);
  });
  return {
    address,
    port: bound,
    queries,
    async close() {
      await Promise.all([
        new Promise<void>((done) => udp.close(() => done())),
        new Promise<void>((done) => tcp.close(() => done())),
      ]);
    },
  };
}

function listenTcp(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      const bound = server.address();
      resolve(typeof bound === 'object' && bound !== null ? bound.port : port);
    });
  });
}

function bindUdp(address: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', reject);
    socket.bind(port, address, () => resolve(socket));
  });
}
