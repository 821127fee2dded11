import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerSession } from 'smtp-server';

export interface IncomingMail {
  /** Envelope sender; empty for a bounce (RFC 5321 §4.5.5). */
  from: string;
  recipient: string;
  /** As it came, under our Return-Path and Received lines. */
  raw: Buffer;
}

export interface EntranceOptions {
  /** The name in the greeting and in Received lines. */
  name: string;
  /** Mail for other domains is refused with 550: this is no relay. Read at each mail, so the list may change. `any`: `refusalOf` says. */
  domains: readonly string[] | 'any';
  /** Why a recipient is not taken, with `responseCode`; null: it is. Asked after `domains`. */
  refusalOf?: (recipient: string) => Error | null;
  /** Whether the recipient exists; true for all by default. No: 550. */
  knows?: (recipient: string) => boolean | Promise<boolean>;
  /** Takes one mail for one recipient. It rejects: 451, and the sender tries again later. */
  deliver: (mail: IncomingMail) => Promise<void>;
  /** With it STARTTLS is offered. */
  tls?: { key: string | Buffer; cert: string | Buffer };
  maxMessageBytes?: number;
  host?: string;
  /** 0, the default, takes a free one. */
  port?: number;
}

export interface SmtpEntrance {
  readonly host: string;
  readonly port: number;
  /** Mails taken over, counted by recipient. */
  readonly taken: number;
  /** Stops at once; a mail in transfer is not taken over. Twice is the same as once. */
  close(): Promise<void>;
}

/**
 * An SMTP entrance as an MX record points at it (RFC 5321): no sign-in, any sender, known recipients only. Where a mail has several
 * recipients and one delivery fails, the whole is refused with 451 and the retry doubles it for the others, so senders that count
 * send one recipient at a time.
 */
export async function startSmtpEntrance(options: EntranceOptions): Promise<SmtpEntrance> {
  let taken = 0;
  const server = new SMTPServer({
    name: options.name,
    banner: 'ready',
    authOptional: true,
    disableReverseLookup: true,
    disabledCommands: options.tls === undefined ? ['AUTH', 'STARTTLS'] : ['AUTH'],
    logger: false,
    closeTimeout: 200,
    ...(options.tls && { key: options.tls.key, cert: options.tls.cert }),
    ...(options.maxMessageBytes !== undefined && { size: options.maxMessageBytes }),
    onRcptTo: ({ address }, _session, done) => {
      refusalFor(address).then(
        (refusal) => done(refusal),
        () => done(reply(451, 'Try again later')),
      );
    },
    onData: (stream, session, done) => {
      takeOver(stream, session).then(
        () => done(null, 'Taken'),
        (error: unknown) =>
          done(error instanceof Error && 'responseCode' in error ? error : reply(451, 'Try again later')),
      );
    },
  });
  // A client that vanishes in mid-sentence is no failure of the entrance.
  server.on('error', () => undefined);
  const host = options.host ?? '127.0.0.1';
  const listener = server.listen(options.port ?? 0, host);
  await once(listener, 'listening');
  let closing: Promise<void> | null = null;
  return {
    host,
    port: (listener.address() as AddressInfo).port, // a TCP listener's address is never a string
    get taken() {
      return taken;
    },
    close: () => {
      closing ??= new Promise((resolve) => server.close(() => resolve()));
      return closing;
    },
  };

  async function refusalFor(address: string): Promise<Error | null> {
    const domain = address.slice(address.lastIndexOf('@') + 1).toLowerCase();
    const { domains } = options;
    if (domains !== 'any' && !domains.some((each) => each.toLowerCase() === domain))
      return reply(550, '5.7.1 We do not relay');
    const refusal = options.refusalOf?.(address) ?? null;
    if (refusal) return refusal;
    return (await options.knows?.(address)) === false ? reply(550, '5.1.1 No such mailbox') : null;
  }

  async function takeOver(
    stream: AsyncIterable<Buffer> & { sizeExceeded: boolean },
    session: SMTPServerSession,
  ): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of stream) if (!stream.sizeExceeded) chunks.push(chunk);
    if (stream.sizeExceeded) throw reply(552, '5.3.4 Message too large');
    const { mailFrom, rcptTo } = session.envelope;
    const from = mailFrom === false ? '' : mailFrom.address;
    for (const { address } of rcptTo) {
      const trace = traceLines(options.name, session, from, address);
      await options.deliver({ from, recipient: address, raw: Buffer.concat([trace, ...chunks]) });
      taken += 1;
    }
  }
}

/** RFC 5321 §4.4. */
function traceLines(name: string, session: SMTPServerSession, from: string, recipient: string): Buffer {
  const date = new Date().toUTCString().replace('GMT', '+0000');
  const protocol = session.secure ? 'ESMTPS' : 'ESMTP';
  return Buffer.from(
    `Return-Path: <${from}>\r\n` +
      `Received: from ${session.hostNameAppearsAs} ([${session.remoteAddress}])\r\n` +
      `\tby ${name} with ${protocol} id ${session.id}\r\n\tfor <${recipient}>; ${date}\r\n`,
  );
}

function reply(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode });
}
