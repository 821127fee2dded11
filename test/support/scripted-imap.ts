import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { ByteReader } from '../../lab/imap/byte-reader.ts';
import type { ImapServerOptions } from '../../lab/imap/options.ts';
import { startImapServer } from '../../lab/imap/server.ts';
import { MailStore } from '../../lab/imap/store.ts';
import { type Scene, Script } from './scripted-script.ts';
import { ClientGone, type Stage, type Step } from './scripted-steps.ts';

export interface ScriptedImapOptions {
  script: readonly Step[];
  /** Scenes come in the order of the script (default), or in any: for clients with several connections. */
  anyOrder?: boolean;
  /** The honest server behind the script, which answers all that the script leaves out; null: the script says everything. */
  honest?: Partial<ImapServerOptions> | null;
}

export interface TranscriptEntry {
  /** Counted from 1. */
  readonly connection: number;
  readonly from: 'client' | 'server';
  /** One byte a character. A client's line is without its line end, a literal of its is an entry of its own. */
  readonly text: string;
}

export interface ScriptedImap {
  readonly port: number;
  /** Mail of the honest server. */
  readonly store: MailStore;
  readonly transcript: readonly TranscriptEntry[];
  /** Connections ever made. */
  readonly connections: number;
  /** @throws where a scene has not happened, or not to its end, or a line came that nobody expected */
  done(): void;
  /** Twice is the same as once. */
  close(): Promise<void>;
}

const LINE_LIMIT_BYTES = 1 << 20;
const LITERAL_MARK = /\{(\d+)(\+?)\}$/;

/**
 * A server that is hostile where the script says so, byte for byte, and elsewhere as good as the lab's: lines that set off no scene
 * go to an honest server behind it. A scene keeps its command from that server unless it has `answer` or `effect` in it, so one
 * about SELECT needs one of them for a later FETCH to work.
 */
export async function startScriptedImap(options: ScriptedImapOptions): Promise<ScriptedImap> {
  const store = options.honest?.store ?? new MailStore();
  const honest = options.honest === null ? null : await startImapServer({ ...options.honest, store });
  const play: Play = {
    script: new Script(options.script, options.anyOrder ?? false),
    honestPort: honest?.port ?? null,
    transcript: [],
    complaints: [],
  };
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => undefined); // a client that breaks off is part of the play
    socket.on('close', () => sockets.delete(socket));
    new Connection(play, socket, connections).run().catch((error: unknown) => {
      if (!(error instanceof ClientGone)) play.complaints.push(String(error));
      socket.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port, // a TCP listener's address is never a string
    store,
    transcript: play.transcript,
    get connections() {
      return connections;
    },
    done() {
      const wrong = [...play.complaints, ...play.script.missing];
      if (wrong.length === 0) return;
      const heard = play.transcript
        .filter(({ from }) => from === 'client')
        .map(({ text }) => `  ${text.slice(0, 200)}`);
      throw new Error(`The script is not done: ${wrong.join('; ')}. The client said:\n${heard.join('\n')}`);
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await honest?.close();
      if (!server.listening) return;
      server.close();
      await once(server, 'close');
    },
  };
}

interface Play {
  readonly script: Script;
  readonly honestPort: number | null;
  readonly transcript: TranscriptEntry[];
  readonly complaints: string[];
}

class Connection implements Stage {
  readonly over: Promise<void>;
  tag = '';
  readonly #play: Play;
  readonly #socket: Socket;
  readonly #number: number;
  readonly #reader: ByteReader;
  #line = '';
  #greeted = false;
  #honest: { socket: Socket; reader: ByteReader } | null = null;

  constructor(play: Play, socket: Socket, number: number) {
    this.#play = play;
    this.#socket = socket;
    this.#number = number;
    this.#reader = new ByteReader(socket);
    this.over = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  async run(): Promise<void> {
    if (this.#play.honestPort !== null) {
      const socket = connect(this.#play.honestPort, '127.0.0.1');
      socket.on('error', () => undefined);
      this.#honest = { socket, reader: new ByteReader(socket) };
      void this.over.then(() => socket.destroy());
    }
    await this.#perform(this.#play.script.take(null), 'a new connection');
    this.#greeted = true;
    for (;;) {
      const line = await this.readLine();
      const [, tag = '', text = line] = /^(\S+) (.+)$/.exec(line) ?? [];
      this.tag = tag;
      await this.#perform(this.#play.script.take(text), line);
    }
  }

  get announcedBytes(): number {
    return Number(LITERAL_MARK.exec(this.#line)?.[1] ?? 0);
  }

  async send(bytes: Buffer): Promise<void> {
    if (this.#socket.destroyed || bytes.length === 0) return;
    this.#record('server', bytes);
    await Promise.race([new Promise<void>((resolve) => this.#socket.write(bytes, () => resolve())), this.over]);
  }

  async readLine(): Promise<string> {
    const line = await this.#reader.readLine(LINE_LIMIT_BYTES);
    if (line === null) throw new ClientGone();
    this.#record('client', line);
    this.#line = line.toString('latin1');
    return this.#line;
  }

  async readBytes(count: number): Promise<Buffer> {
    const bytes = await this.#reader.readExactly(count);
    if (bytes === null) throw new ClientGone();
    this.#record('client', bytes);
    return bytes;
  }

  end(): void {
    this.#socket.end();
  }

  reset(): void {
    this.#socket.resetAndDestroy();
  }

  async forward(sink: (bytes: Buffer) => Promise<void>): Promise<void> {
    const honest = this.#honest;
    if (honest === null) throw new Error('There is no honest server behind this script');
    if (!this.#greeted) return await this.#relay(sink, () => true); // its greeting
    const isTagged = (line: string) => line.startsWith(`${this.tag} `);
    for (;;) {
      honest.socket.write(Buffer.from(`${this.#line}\r\n`, 'latin1'));
      const mark = LITERAL_MARK.exec(this.#line);
      if (mark === null) break;
      if (mark[2] === '' && !(await this.#isInvited(sink, isTagged))) return;
      honest.socket.write(await this.readBytes(Number(mark[1])));
      await this.readLine();
    }
    while (await this.#isInvited(sink, isTagged)) {
      honest.socket.write(Buffer.from(`${await this.readLine()}\r\n`, 'latin1')); // of a SASL dialogue, or DONE
    }
  }

  /** Hands on what comes up to `+ …`, which goes to the client at once, or to the tagged answer: whether it was the former. */
  async #isInvited(sink: (bytes: Buffer) => Promise<void>, isTagged: (line: string) => boolean): Promise<boolean> {
    let invited = false;
    const sinkOrSend = (bytes: Buffer) => (invited ? this.send(bytes) : sink(bytes));
    await this.#relay(sinkOrSend, (line) => {
      invited = line.startsWith('+');
      return invited || isTagged(line);
    });
    return invited;
  }

  /** Whole responses, literals in them and all, up to one that is the last. */
  async #relay(sink: (bytes: Buffer) => Promise<void>, isLast: (line: string) => boolean): Promise<void> {
    for (let inResponse = false; ; ) {
      const line = await this.#honest?.reader.readLine(LINE_LIMIT_BYTES);
      if (line === null || line === undefined) return this.end(); // the honest server hung up, as at LOGOUT
      const text = line.toString('latin1');
      const last = !inResponse && isLast(text);
      await sink(Buffer.from(`${text}\r\n`, 'latin1'));
      const mark = LITERAL_MARK.exec(text);
      inResponse = mark !== null;
      if (mark !== null) await sink((await this.#honest?.reader.readExactly(Number(mark[1]))) ?? Buffer.alloc(0));
      if (last) return;
    }
  }

  async #perform(scene: Scene | null, what: string): Promise<void> {
    if (scene === null) {
      if (this.#honest !== null) await this.forward((bytes) => this.send(bytes));
      else if (this.#greeted) this.#play.complaints.push(`nobody expected "${what}"`);
      if (/^\S+ LOGOUT$/i.test(this.#line)) this.end();
      return;
    }
    for (const action of scene.actions) {
      scene.reached += 1;
      await action.run(this);
    }
  }

  #record(from: TranscriptEntry['from'], bytes: Buffer): void {
    this.#play.transcript.push({ connection: this.#number, from, text: bytes.toString('latin1') });
  }
}
