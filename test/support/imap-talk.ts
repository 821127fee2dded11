/** A client that says what a test says, command by command, for suites that look at the words of a server. */
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';

export class ImapTalk {
  readonly #socket: TLSSocket;
  #received = '';
  #ended = false;
  #tag = 0;
  #wake = () => {};

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      this.#received += chunk;
      this.#wake();
    });
    socket.on('close', () => {
      this.#ended = true;
      this.#wake();
    });
    socket.on('error', () => undefined);
  }

  /** Over TLS, with checks on. */
  static async open(port: number): Promise<ImapTalk> {
    const socket = connect({ host: '127.0.0.1', port });
    const talk = new ImapTalk(socket);
    await once(socket, 'secureConnect');
    await talk.#until((text) => /^\* (OK|BYE)/.test(text));
    return talk;
  }

  /** Greeting and everything that was said since without a command. */
  takeUnsolicited(): string {
    const text = this.#received;
    this.#received = '';
    return text;
  }

  /** All lines up to the tagged one, which stands last without its tag. A closed connection ends it too. */
  async command(text: string): Promise<string[]> {
    this.#tag += 1;
    const tag = `t${this.#tag}`;
    this.#received = '';
    this.#socket.write(Buffer.from(`${tag} ${text}\r\n`, 'latin1'));
    return await this.#answer(tag);
  }

  /** APPEND with a synchronising literal; a refusal before the bytes is an answer as well. */
  async append(folder: string, raw: Buffer, how = ''): Promise<string[]> {
    this.#tag += 1;
    const tag = `t${this.#tag}`;
    this.#received = '';
    this.#socket.write(`${tag} APPEND "${folder}" ${how}{${raw.length}}\r\n`);
    await this.#until((text) => text.includes('+ ') || text.includes(`${tag} `));
    if (this.#received.startsWith('+ ')) {
      this.#received = '';
      this.#socket.write(Buffer.concat([raw, Buffer.from('\r\n')]));
    }
    return await this.#answer(tag);
  }

  /** The tagged text of a command. */
  async ask(text: string): Promise<string> {
    return (await this.command(text)).at(-1) ?? '';
  }

  get isClosed(): boolean {
    return this.#ended;
  }

  async closed(): Promise<string> {
    await this.#until(() => this.#ended);
    return this.#received;
  }

  close(): void {
    this.#socket.destroy();
  }

  async #answer(tag: string): Promise<string[]> {
    const tagged = new RegExp(`(?:^|\r\n)${tag} [^\r]*\r\n`);
    await this.#until((text) => tagged.test(text));
    const lines = this.#received.split('\r\n').slice(0, -1);
    const at = lines.findIndex((line) => line.startsWith(`${tag} `));
    if (at < 0) return lines;
    return [...lines.slice(0, at), (lines[at] ?? '').slice(tag.length + 1)];
  }

  async #until(holds: (text: string) => boolean): Promise<void> {
    while (!holds(this.#received) && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
