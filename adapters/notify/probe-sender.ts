import nodemailer from 'nodemailer';
import { MigrationError } from '../../domain/errors.ts';
import type { ProbeSender } from '../../domain/ports/services.ts';

/** RFC 5321 §4.5.3.2 allows minutes a command; a probe is repeated by Temporal, so a stalled entrance is given up sooner. */
const TIMEOUT_MS = 30_000;

/**
 * Sends probes the way a stranger's server does: straight to the entrance, without signing in. TLS is used where it is offered and
 * its certificate is not checked, as between mail servers (RFC 7435); the probe holds nothing secret.
 * A token gives one Message-ID, so a repeat can be told from a second message.
 */
export function createProbeSender(): ProbeSender {
  return {
    async send({ host, port }, { from, to, token, subject, text, hops = 0 }, signal) {
      signal.throwIfAborted();
      const transport = nodemailer.createTransport({
        host,
        port,
        secure: false,
        tls: { rejectUnauthorized: false },
        connectionTimeout: TIMEOUT_MS,
        greetingTimeout: TIMEOUT_MS,
        socketTimeout: TIMEOUT_MS,
      });
      const abort = () => transport.close();
      signal.addEventListener('abort', abort, { once: true });
      try {
        await transport.sendMail({
          from,
          to,
          subject,
          text,
          messageId: probeMessageId(token, from),
          headers: {
            'X-Mailferry-Probe': token,
            'Auto-Submitted': 'auto-generated',
            // Servers count these lines to find loops (RFC 5321 §6.3).
            ...(hops > 0 && { Received: Array.from({ length: hops }, (_, at) => hopLine(at)) }),
          },
        });
      } catch (cause) {
        signal.throwIfAborted();
        throw asMigrationError(cause, `${host}:${port}`);
      } finally {
        signal.removeEventListener('abort', abort);
        transport.close();
      }
    },
  };
}

function hopLine(at: number): string {
  return `from hop${at}.mailferry.invalid by hop${at + 1}.mailferry.invalid; ${new Date().toUTCString().replace('GMT', '+0000')}`;
}

/** Also what a mailbox is searched for, where a server cannot search other headers. */
function probeMessageId(token: string, from: string): string {
  return `<probe.${token}@${from.replace(/^.*@/, '').replace(/>$/, '')}>`;
}

function asMigrationError(cause: unknown, entrance: string): MigrationError {
  // nodemailer's errors carry a code of its own and, after an answer, the server's number.
  const { code, responseCode, response = '' } = cause as { code?: string; responseCode?: number; response?: string };
  // RFC 3463 §3.5 calls a loop 5.4.6; Exchange says 5.4.14, and sendmail says it in words only.
  if (responseCode !== undefined && responseCode >= 500 && /\b5\.4\.(6|14)\b|too many hops|mail loop/i.test(response)) {
    return new MigrationError('REDIRECTION_LOOP', 'the probe message went round until a server stopped it', {
      facts: { entrance, status: responseCode },
      cause,
    });
  }
  if (responseCode !== undefined && responseCode >= 500) {
    return new MigrationError('MESSAGE_REFUSED', 'the SMTP entrance refuses the probe message', {
      facts: { entrance, status: responseCode },
      cause,
    });
  }
  const neverConnected = code === 'ECONNECTION' || code === 'EDNS' || code === 'ESOCKET';
  return new MigrationError(
    neverConnected && responseCode === undefined ? 'HOST_UNREACHABLE' : 'CONNECTION_LOST',
    'the probe message was not handed over to the SMTP entrance',
    { facts: { entrance, status: responseCode ?? null }, cause },
  );
}
