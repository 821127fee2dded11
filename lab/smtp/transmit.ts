import SMTPConnection from 'nodemailer/lib/smtp-connection';

export interface Hop {
  host: string;
  port: number;
  /** Our name in EHLO. */
  helo: string;
}

const TIMEOUT_MS = 10_000;

/**
 * Hands one mail to one host, byte for byte. **Not idempotent.** TLS is used where it is offered and the certificate is not checked,
 * as between mail servers (RFC 7435).
 * @returns the host's answer
 * @throws nodemailer's error, with `responseCode` where the host refused
 */
export async function transmit(hop: Hop, mail: { from: string; to: string; raw: Buffer }): Promise<string> {
  const connection = new SMTPConnection({
    host: hop.host,
    port: hop.port,
    name: hop.helo,
    tls: { rejectUnauthorized: false },
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
  });
  try {
    return await new Promise<string>((resolve, reject) => {
      connection.once('error', reject);
      connection.once('end', () => reject(new Error(`${hop.host}:${hop.port} hung up`)));
      connection.connect(() => {
        connection.send({ from: mail.from, to: [mail.to] }, mail.raw, (error, info) =>
          error ? reject(error) : resolve(info.response),
        );
      });
    });
  } finally {
    connection.close();
  }
}
