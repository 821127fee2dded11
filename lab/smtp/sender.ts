import { randomUUID } from 'node:crypto';
import { type Hop, transmit } from './transmit.ts';

export interface MailExchanger {
  exchange: string;
  host: string;
  port: number;
  /** Lower is tried first; the order of the list counts where it is missing. */
  priority?: number;
}

export interface OutgoingMail {
  from: string;
  to: string;
  subject?: string;
  text?: string;
  /** Bytes of one's own instead; the token goes on top as a header line. */
  raw?: Buffer;
}

export interface JournalEntry {
  /** In the header `X-Lab-Token`, and in the subject of a mail made here: once in the world. */
  readonly token: string;
  readonly from: string;
  readonly to: string;
  /** RFC 3339 UTC. */
  readonly sentAt: string;
  readonly outcome: 'accepted' | 'refused' | 'undelivered';
  /** The exchanger that answered last; null where there was none. */
  readonly via: string | null;
  readonly answer: string;
}

export interface OutsideSender {
  /** Each mail that was tried, in order: what the world believes it has sent. */
  readonly journal: readonly JournalEntry[];
  /** Sends to the exchangers of the recipient's domain, best first, and never throws for what they do. **Not idempotent.** */
  sendMail(mail: OutgoingMail): Promise<JournalEntry>;
}

/**
 * The outside world that keeps writing while a migration runs. It looks the MX up for each mail, so it follows a change of the
 * records as soon as `resolveMx` does.
 */
export function createOutsideSender(
  resolveMx: (domain: string) => Promise<readonly MailExchanger[]>,
  helo = 'outside.example.org',
): OutsideSender {
  const journal: JournalEntry[] = [];
  return {
    journal,
    async sendMail(mail) {
      const token = randomUUID();
      const raw = withToken(mail, token);
      const domain = mail.to.slice(mail.to.lastIndexOf('@') + 1);
      const exchangers = [...(await resolveMx(domain))].sort(
        (one, other) => (one.priority ?? 0) - (other.priority ?? 0),
      );
      const attempt = await tryEach(exchangers, helo, { from: mail.from, to: mail.to, raw });
      const entry = { token, from: mail.from, to: mail.to, sentAt: new Date().toISOString(), ...attempt };
      journal.push(entry);
      return entry;
    },
  };
}

/** RFC 5321 §5.1: the next exchanger only after a passing failure; a 5xx is the answer. */
async function tryEach(
  exchangers: readonly MailExchanger[],
  helo: string,
  mail: { from: string; to: string; raw: Buffer },
): Promise<Pick<JournalEntry, 'outcome' | 'via' | 'answer'>> {
  let last: Pick<JournalEntry, 'outcome' | 'via' | 'answer'> = { outcome: 'undelivered', via: null, answer: 'no MX' };
  for (const { exchange, host, port } of exchangers) {
    const hop: Hop = { host, port, helo };
    try {
      return { outcome: 'accepted', via: exchange, answer: await transmit(hop, mail) };
    } catch (error) {
      const { responseCode, message } = error as { responseCode?: number; message: string }; // nodemailer's SMTPError
      if (responseCode !== undefined && responseCode >= 500)
        return { outcome: 'refused', via: exchange, answer: message };
      last = { outcome: 'undelivered', via: exchange, answer: message };
    }
  }
  return last;
}

function withToken({ from, to, subject, text, raw }: OutgoingMail, token: string): Buffer {
  if (raw !== undefined) return Buffer.concat([Buffer.from(`X-Lab-Token: ${token}\r\n`), raw]);
  const lines = [
    `From: <${from}>`,
    `To: <${to}>`,
    `Subject: ${subject ?? 'From outside'} ${token}`,
    `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${token}@outside.example.org>`,
    `X-Lab-Token: ${token}`,
    '',
    text ?? 'A mail from outside.',
    '',
  ];
  return Buffer.from(lines.join('\r\n'));
}
