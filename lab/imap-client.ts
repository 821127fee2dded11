import { ImapFlow } from 'imapflow';

/** Where a mailbox can be read; credentials of the lab only. */
export interface ImapEndpoint {
  host: string;
  port: number;
  user: string;
  pass: string;
  /** TLS from the first byte. */
  secure?: boolean;
  /** STARTTLS must be used; false stays in the clear. */
  startTls?: boolean;
}

/**
 * Signs in with imapflow, quietly, with any certificate (the lab makes its own), and signs out again when `use` is done or has
 * thrown. A connection each, so callers may run several.
 */
export async function withImap<Result>(
  endpoint: ImapEndpoint,
  use: (client: ImapFlow) => Promise<Result>,
): Promise<Result> {
  const client = new ImapFlow({
    host: endpoint.host,
    port: endpoint.port,
    secure: endpoint.secure ?? false,
    ...(endpoint.secure !== true && { doSTARTTLS: endpoint.startTls ?? false }),
    auth: { user: endpoint.user, pass: endpoint.pass },
    tls: { rejectUnauthorized: false },
    logger: false,
    disableAutoIdle: true,
    // Through BINARY (RFC 3516) Dovecot 2.3 rewrites a part with NUL as base64 (measured); a plain literal only loses the NUL.
    disableBinary: true,
  });
  // A connection that dies between two commands is told by the next command.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.logout().catch(() => client.close());
  }
}
