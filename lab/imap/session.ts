import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import { ByteReader } from './byte-reader.ts';
import { COMMANDS } from './commands/table.ts';
import type { Piece } from './envelope.ts';
import type { Folder } from './folder.ts';
import type { SeenCommand } from './hooks.ts';
import type { SessionEnd } from './options.ts';
import { type ParsedCommand, readCommand } from './parser.ts';
import { Refusal } from './refusal.ts';
import { SelectedFolder } from './selected-folder.ts';
import type { ServerState } from './server-state.ts';
import type { Account } from './store.ts';

const SASL_LINE_LIMIT_BYTES = 64 << 10;

/** During these an EXPUNGE may not be told, since the client's sequence numbers are in flight (RFC 3501 §7.4.1). */
const NUMBERS_IN_FLIGHT = new Set(['FETCH', 'STORE', 'SEARCH']);

/** One connection: reads a command, runs it to its tagged answer, reads the next. Pipelining needs nothing more. */
export class Session {
  readonly server: ServerState;
  readonly connection: number;
  account: Account | null = null;
  /** Who signed in; the mailbox may be another's. */
  signedInAs: string | null = null;
  /** What every command says where a sign-in has opened no mailbox. */
  disconnected: string | null = null;
  /** Asked before each command once somebody is signed in. */
  endedBy: (() => SessionEnd | null) | null = null;
  selected: SelectedFolder | null = null;
  readonly enabled = new Set<string>();
  #socket: Socket;
  #reader: ByteReader;
  #current: SeenCommand | null = null;
  #closing = false;
  #protocolErrors = 0;
  #held: Socket | null = null;
  #unwatch: (() => void) | null = null;

  constructor(server: ServerState, socket: Socket, connection: number) {
    this.server = server;
    this.connection = connection;
    this.#socket = socket;
    this.#reader = new ByteReader(socket);
  }

  get secure(): boolean {
    return this.#socket instanceof TLSSocket;
  }

  /** Runs until either side ends the connection. Never rejects for what a client does. */
  async run(): Promise<void> {
    const verdict = this.server.options.hooks?.onConnect?.(this.connection);
    if (verdict === 'drop') return this.cut();
    const { greeting } = this.server.options.texts ?? {};
    await this.send(verdict?.greeting ?? greeting ?? `* OK [CAPABILITY ${this.server.capabilityLine(this)}] Ready`);
    if (verdict?.greeting.startsWith('* BYE')) this.close();
    while (!this.#closing && !this.#socket.destroyed) {
      const result = await readCommand(this.#reader, {
        nonSynchronising: this.can('LITERAL+'),
        refuse: (sizeBytes, text) => this.#refuseLiteral(sizeBytes, text),
        invite: () => void this.send('+ OK'),
      });
      if (result.kind === 'end') break;
      if (this.server.options.latencyMs !== undefined) await delay(this.server.options.latencyMs);
      if (result.kind === 'refused') {
        await this.send(`${result.tag} ${result.text}`);
        await this.#countError(result.text);
      } else await this.#answer(result.command);
    }
    this.close();
  }

  can(capability: string): boolean {
    return this.server.capabilities.has(capability);
  }

  /** Sends one response; Buffers go as literals. Waits while the client does not read. */
  async send(...pieces: readonly Piece[]): Promise<void> {
    const chunks = pieces.flatMap((piece) =>
      typeof piece === 'string' ? [Buffer.from(piece, 'latin1')] : [Buffer.from(`{${piece.length}}\r\n`), piece],
    );
    chunks.push(Buffer.from('\r\n'));
    const hook = this.server.options.hooks?.onResponse;
    const verdict = hook?.(Buffer.concat(chunks), this.#current);
    if (verdict === 'drop') return this.cut();
    await this.#write(verdict === undefined ? chunks : [verdict]);
  }

  /** A line of SASL or `DONE`; null when the client is gone. */
  async readLine(): Promise<string | null> {
    return (await this.#reader.readLine(SASL_LINE_LIMIT_BYTES))?.toString('latin1') ?? null;
  }

  /** Opens a folder, or with null none. The view of the folder before is forgotten, unsaid changes with it. */
  select(folder: Folder | null, readOnly = false): void {
    this.#unwatch?.();
    this.#unwatch = null;
    this.selected = folder === null ? null : new SelectedFolder(folder, readOnly);
  }

  /** Tells what has changed in the selected folder. */
  async tellChanges(withExpunges = true): Promise<void> {
    const withModSeq = this.enabled.has('CONDSTORE');
    const asVanished = this.enabled.has('QRESYNC');
    const lines = this.selected?.changes({ withExpunges, withModSeq, asVanished }) ?? [];
    for (const line of lines) await this.send(line);
  }

  /** From now until the next SELECT each change of the folder calls back, or until the returned function is called. */
  watchSelected(onChange: () => void): () => void {
    this.#unwatch?.();
    const unwatch = this.selected?.folder.watch(onChange) ?? (() => undefined);
    this.#unwatch = unwatch;
    return unwatch;
  }

  upgradeToTls(): void {
    this.#flush();
    this.#reader.detach();
    const { key, cert } = this.server.options.tls ?? {};
    const secured = new TLSSocket(this.#socket, { isServer: true, ...(key && { key }), ...(cert && { cert }) });
    secured.on('error', () => this.cut());
    this.#socket = secured;
    this.#reader = new ByteReader(secured);
  }

  /** Ends the connection after what is on its way. */
  close(): void {
    this.#closing = true;
    this.select(null);
    this.#socket.end();
  }

  /** Ends the connection at once, as a crash does; what was said before is on its way. */
  cut(): void {
    this.#closing = true;
    this.#flush();
    this.select(null);
    this.#socket.destroy();
  }

  async #answer(command: ParsedCommand): Promise<void> {
    const seen = this.#see(command);
    this.#current = seen;
    const verdict = await this.server.options.hooks?.onCommand?.(seen);
    if (verdict === 'drop') return this.cut();
    if (verdict !== undefined && 'raw' in verdict) return await this.#write([Buffer.from(verdict.raw, 'latin1')]);
    const end = this.endedBy?.() ?? null;
    if (end !== null && 'bye' in end) {
      await this.send(`* BYE ${end.bye}`);
      return this.close();
    }
    this.disconnected = end?.disconnected ?? this.disconnected;
    const own = verdict === undefined ? await this.#execute(command) : null;
    const text = verdict?.reply ?? own;
    if (text === null) return;
    if (this.selected !== null) await this.tellChanges(!NUMBERS_IN_FLIGHT.has(command.name));
    await this.send(`${command.tag} ${text}`);
    if (own !== null) await this.#countError(own);
    if (command.name === 'STARTTLS' && text.startsWith('OK')) this.upgradeToTls();
    if (command.name === 'LOGOUT') this.close();
    this.#current = null;
  }

  /** What a hook said in our place is no error of the client. */
  async #countError(text: string): Promise<void> {
    const { maxProtocolErrors, texts } = this.server.options;
    if (!text.startsWith('BAD') || maxProtocolErrors == null) return;
    this.#protocolErrors += 1;
    if (this.#protocolErrors < maxProtocolErrors) return;
    await this.send(`* BYE ${texts?.tooManyErrors ?? 'Too many invalid commands'}`);
    this.close();
  }

  /** The tagged text; null when the connection ended meanwhile. */
  async #execute(command: ParsedCommand): Promise<string | null> {
    const { maxCommandBytes } = this.server.options;
    if (maxCommandBytes != null && command.text.length > maxCommandBytes) return 'BAD Command is too long';
    const handler = COMMANDS.get(command.name);
    if (handler === undefined || (handler.capability !== undefined && !this.can(handler.capability))) {
      return 'BAD Unknown command';
    }
    if (handler.needs !== 'nothing' && this.disconnected !== null) return this.disconnected;
    if (handler.needs === 'account' && this.account === null) return 'BAD Sign in first';
    if (handler.needs === 'folder' && this.selected === null) return 'BAD No folder selected';
    try {
      return await handler.run(this, command.args, command);
    } catch (error) {
      if (error instanceof Refusal) return error.text;
      throw error;
    }
  }

  #see(command: ParsedCommand): SeenCommand {
    return {
      connection: this.connection,
      tag: command.tag,
      name: command.name,
      text: command.text,
      user: this.account?.user ?? null,
      folder: this.selected?.folder.path.join('/') ?? null,
      count: this.server.count(command.name),
    };
  }

  #refuseLiteral(sizeBytes: number, text: string): string | null {
    const { maxMessageBytesOf, tooLargeText } = this.server.options;
    const maxMessageBytes = maxMessageBytesOf?.(this.signedInAs ?? '') ?? this.server.options.maxMessageBytes;
    if (!/^\S+ APPEND /i.test(text)) return sizeBytes > SASL_LINE_LIMIT_BYTES ? 'BAD Literal too long' : null;
    if (maxMessageBytes === undefined || sizeBytes <= maxMessageBytes) return null;
    return tooLargeText ?? 'NO [TOOBIG] Message is too large';
  }

  /** Responses that follow each other at once go out together: 100,000 rows of a FETCH are not as many system calls. */
  #hold(socket: Socket): void {
    if (this.#held !== null) return;
    this.#held = socket;
    socket.cork();
    process.nextTick(() => this.#flush());
  }

  #flush(): void {
    this.#held?.uncork();
    this.#held = null;
  }

  async #write(chunks: readonly Buffer[]): Promise<void> {
    const socket = this.#socket;
    if (socket.destroyed) return;
    this.#hold(socket);
    let room = true;
    for (const chunk of chunks) room = socket.write(chunk);
    if (room) return;
    await new Promise<void>((resolve) => {
      const go = () => {
        socket.off('drain', go);
        socket.off('close', go);
        resolve();
      };
      socket.on('drain', go);
      socket.on('close', go);
    });
  }
}
