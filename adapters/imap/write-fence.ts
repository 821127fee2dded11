import { Socket } from 'node:net';
import { Writable } from 'node:stream';
import type { ImapFlow } from 'imapflow';

/** What is used of a socket of net or tls. */
type FencedSocket = Writable & { setNoDelay(on: boolean): unknown };

/** The TCP handle of a socket; below a TLS one it is the parent. Not in Node's typings (24). */
interface TcpHandle {
  readonly _parent?: TcpHandle;
  readonly reset?: (closed: () => void) => unknown;
}

/** What goes out between two looks at the guard. */
const PIECE_BYTES = 64 * 1024;
const LINE_END = Buffer.from('\r\n');

/**
 * Stands before the socket of a target so that a process which slept (SIGSTOP, a paused VM) and lost its lease meanwhile
 * cannot finish a command when it wakes: everything goes out in small pieces, each after a look at `mayWrite`, and a line end
 * that is written by itself goes last, when all before it is with the kernel. Without that line end the server does nothing
 * (RFC 3501 §2.2.1), and drops the half command with the connection.
 */
export class WriteFence extends Writable {
  readonly #socket: FencedSocket;
  readonly #mayWrite: () => boolean;
  readonly #onEnd: () => void;
  #tripped = false;

  constructor(socket: FencedSocket, mayWrite: () => boolean, onEnd: () => void = () => undefined) {
    super({ decodeStrings: true });
    this.#onEnd = onEnd;
    this.#socket = socket;
    this.#mayWrite = mayWrite;
    // A command ends by a write of its own, which Nagle's algorithm would hold for the peer's delayed answer, 40 ms.
    socket.setNoDelay(true);
    this.on('error', () => undefined); // the socket's own listeners tell of it
  }

  /** It refused once; nothing goes out any more. */
  get tripped(): boolean {
    return this.#tripped;
  }

  /**
   * Ends the connection so that the kernel forgets what it could not send yet (RST, RFC 9293 §3.10.7). After an ordinary end it goes on
   * sending: a line that was dead and comes back would bring the server a command that a successor has repeated meanwhile.
   */
  reset(): void {
    const handle = Reflect.get(this.#socket, '_handle') as TcpHandle | null | undefined; // null once it is closed
    // Of TLS; its own reset is refused by Node. Nothing tells of the end then, so whoever waits for an answer has to be told.
    handle?._parent?.reset?.(() => undefined);
    if (typeof handle?.reset === 'function' && this.#socket instanceof Socket) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
    this.#onEnd();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#forward([chunk]).then(() => done(), done);
  }

  override _writev(chunks: { readonly chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#forward(chunks.map(({ chunk }) => chunk)).then(() => done(), done);
  }

  async #forward(chunks: readonly Buffer[]): Promise<void> {
    for (const piece of pieces(chunks)) {
      if (!this.#mayWrite()) {
        this.#tripped = true;
        this.reset();
        throw new Error('the lease is lost');
      }
      await this.#flush(piece);
    }
  }

  #flush(piece: readonly Buffer[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.cork();
      for (const chunk of piece.slice(0, -1)) this.#socket.write(chunk);
      // Called when the kernel has it all.
      this.#socket.write(piece.at(-1) ?? '', (error) => (error ? reject(error) : resolve()));
      this.#socket.uncork();
    });
  }
}

/** @throws Error where imapflow has another socket than 2.10.2 */
export function fenceWrites(client: ImapFlow, mayWrite: () => boolean): WriteFence {
  const { writeSocket } = client as unknown as { writeSocket?: Socket }; // looked at in the next line
  if (typeof writeSocket?.setNoDelay !== 'function') throw new Error('this imapflow has no writeSocket');
  const fence = new WriteFence(writeSocket, mayWrite, () => client.close());
  Reflect.set(client, 'writeSocket', fence);
  return fence;
}

function* pieces(chunks: readonly Buffer[]): Iterable<readonly Buffer[]> {
  let piece: Buffer[] = [];
  let room = PIECE_BYTES;
  for (const chunk of chunks) {
    if (chunk.equals(LINE_END)) {
      if (piece.length > 0) yield piece;
      yield [chunk];
      [piece, room] = [[], PIECE_BYTES];
      continue;
    }
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + room);
      piece.push(part);
      at += part.length;
      room -= part.length;
      if (room === 0) {
        yield piece;
        [piece, room] = [[], PIECE_BYTES];
      }
    }
  }
  if (piece.length > 0) yield piece;
}
