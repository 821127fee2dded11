import { lookup } from 'node:dns/promises';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { MigrationError } from '../../domain/errors.ts';
import type { EntranceAnswer, Entrances, RecipientAnswer } from '../../domain/ports/entrances.ts';

/** RFC 5321 §4.5.3.2 allows minutes a command; a look is repeated by Temporal, so a stalled entrance is given up sooner. */
const TIMEOUT_MS = 30_000;
const EHLO_NAME = 'mailferry.invalid';

/**
 * Looks at SMTP entrances (RFC 5321) as far as RCPT. TLS is used where it is offered and its certificate is not checked, as between
 * mail servers (RFC 7435); nothing secret is said.
 */
export function createEntrances({ timeoutMs = TIMEOUT_MS }: { readonly timeoutMs?: number } = {}): Entrances {
  return {
    async ask({ host, port }, from, recipients, signal) {
      signal.throwIfAborted();
      const limited = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      const socket = connect({ host, port });
      const abort = () => socket.destroy(new Error('timed out'));
      limited.addEventListener('abort', abort, { once: true });
      try {
        await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
      } catch (cause) {
        signal.throwIfAborted();
        throw new MigrationError('HOST_UNREACHABLE', 'the SMTP entrance cannot be reached', {
          facts: { entrance: `${host}:${port}` },
          cause,
        });
      }
      try {
        return await converse(socket, from, recipients);
      } catch (cause) {
        signal.throwIfAborted();
        throw new MigrationError('CONNECTION_LOST', 'the SMTP entrance broke the conversation off', {
          facts: { entrance: `${host}:${port}` },
          cause,
        });
      } finally {
        limited.removeEventListener('abort', abort);
        socket.destroy();
      }
    },
    async findAddresses(host) {
      try {
        return (await lookup(host, { all: true })).map(({ address }) => address);
      } catch {
        return []; // a name that nobody knows leads nowhere
      }
    },
  };
}

async function converse(socket: Socket, from: string, recipients: readonly string[]): Promise<EntranceAnswer> {
  let line = new Dialogue(socket);
  const greeting = await line.read();
  if (greeting.code !== 220) return { name: '', recipients: [] };
  let hello = await line.say(`EHLO ${EHLO_NAME}`);
  if (/^STARTTLS\b/im.test(hello.text) && (await line.say('STARTTLS')).code === 220) {
    line.release();
    const secure = connectTls({ socket, rejectUnauthorized: false });
    await new Promise<void>((resolve, reject) => secure.once('secureConnect', resolve).once('error', reject));
    line = new Dialogue(secure);
    hello = await line.say(`EHLO ${EHLO_NAME}`);
  }
  const name = /^\S+/.exec(greeting.text)?.[0].toLowerCase() ?? '';
  const answers: RecipientAnswer[] = [];
  if ((await line.say(`MAIL FROM:<${from.replace(/^.*</, '').replace(/>.*$/, '')}>`)).code === 250) {
    for (const recipient of recipients) {
      const { code } = await line.say(`RCPT TO:<${recipient}>`);
      answers.push({ recipient, code });
      if (code === 421) break; // it hangs up
    }
  }
  await line.say('QUIT').catch(() => undefined);
  return { name, recipients: answers };
}

/** One command, one reply; a reply may have many lines (RFC 5321 §4.2.1). */
class Dialogue {
  readonly #socket: Socket;
  #buffer = '';
  #waiting: { resolve: (reply: { code: number; text: string }) => void; reject: (error: Error) => void } | null = null;
  #ended: Error | null = null;
  readonly #onData = (chunk: Buffer) => {
    this.#buffer += chunk.toString('latin1');
    this.#deliver();
  };
  readonly #onEnd = (error?: unknown) => {
    this.#ended = error instanceof Error ? error : new Error('the server hung up');
    this.#waiting?.reject(this.#ended);
  };

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', this.#onData).on('error', this.#onEnd).on('close', this.#onEnd);
  }

  release(): void {
    this.#socket.off('data', this.#onData);
  }

  async say(command: string): Promise<{ code: number; text: string }> {
    this.#socket.write(`${command}\r\n`);
    return await this.read();
  }

  read(): Promise<{ code: number; text: string }> {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(this.#ended);
      this.#waiting = { resolve, reject };
      this.#deliver();
    });
  }

  #deliver(): void {
    const reply = /^(?:\d{3}-[^\n]*\n)*(\d{3})(?: [^\n]*)?\r?\n/.exec(this.#buffer);
    if (!reply || !this.#waiting) return;
    this.#buffer = this.#buffer.slice(reply[0].length);
    const text = reply[0].replace(/^\d{3}[ -]?/gm, '').trim();
    const { resolve } = this.#waiting;
    this.#waiting = null;
    resolve({ code: Number(reply[1]), text });
  }
}
