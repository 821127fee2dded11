import { createHash } from 'node:crypto';
import nodemailer from 'nodemailer';
import { MigrationError } from '../../domain/errors.ts';
import type { Notification, Notifier } from '../../domain/ports/services.ts';

/** Nobody waits at the other end: the relay tries again. */
const TIMEOUT_MS = 15_000;

/**
 * Sends by SMTP. `smtps://` is implicit TLS; `smtp://` uses STARTTLS where it is offered, and insists on it when the URL holds a
 * password. A message keeps its Message-ID over repeats, so that a careful receiver shows it once.
 */
export function createSmtpNotifier(url: string, from: string): Notifier {
  const transport = nodemailer.createTransport({
    ...optionsOf(new URL(url)),
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
  });
  return {
    async send(notification, signal) {
      signal.throwIfAborted();
      try {
        await unlessAborted(signal, transport.sendMail(messageOf(notification, from)));
      } catch (cause) {
        const code = (cause as { code?: string }).code;
        const reached = code !== 'ESOCKET' && code !== 'ECONNECTION' && code !== 'EDNS' && code !== 'ETIMEDOUT';
        throw new MigrationError(reached ? 'CONNECTION_LOST' : 'HOST_UNREACHABLE', 'The notification was not sent.', {
          cause,
        });
      }
    },
  };
}

/** What is sent: no HTML, nothing that a client loads, no auto-replies (RFC 3834 §5). */
export function messageOf({ id, to, subject, text }: Notification, from: string) {
  // Ids count from 1 in every installation; the digest makes the Message-ID unique in the world (RFC 5322 §3.6.4).
  const fingerprint = createHash('sha256').update(`${to}\n${text}`).digest('hex').slice(0, 32);
  const domain = from.replace(/^.*@/, '').replace(/>$/, '');
  return {
    from,
    to,
    subject,
    text,
    messageId: `<${id}.${fingerprint}@${domain}>`,
    headers: { 'Auto-Submitted': 'auto-generated' },
  };
}

/** nodemailer cannot be told to stop; we stop waiting, and the repeat carries the same Message-ID. */
async function unlessAborted(signal: AbortSignal, sending: Promise<unknown>): Promise<void> {
  sending.catch(() => undefined); // nobody may be waiting any more
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop);
  });
  try {
    await Promise.race([sending, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function optionsOf(url: URL) {
  const secure = url.protocol === 'smtps:';
  const user = decodeURIComponent(url.username);
  return {
    host: url.hostname,
    port: url.port === '' ? (secure ? 465 : 587) : Number(url.port),
    secure,
    requireTLS: !secure && url.password !== '',
    ...(user !== '' && { auth: { user, pass: decodeURIComponent(url.password) } }),
  };
}
