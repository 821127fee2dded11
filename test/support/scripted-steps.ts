import { setTimeout as delay } from 'node:timers/promises';

/** Strings are one byte a character (latin1), and their `{tag}` becomes the tag of the line that began the scene. */
export type Bytes = string | Buffer;

/** What begins a scene: all steps up to the next trigger belong to it and run on the connection that it came from. */
export interface Trigger {
  readonly kind: 'trigger';
  readonly name: string;
  /** Text of a client's line without its tag; null at a new connection. */
  readonly matches: (text: string | null) => boolean;
  /** How often it happens, one after the other; Infinity: at least once. */
  readonly times: number;
}

export interface Action {
  readonly kind: 'action';
  readonly name: string;
  readonly run: (stage: Stage) => Promise<void>;
}

export type Step = Trigger | Action;

/** One connection, as an action may use it. What reads rejects with {@link ClientGone} once the client is gone. */
export interface Stage {
  readonly tag: string;
  /** Size of the literal that the last line announced (`{8}`, `{8+}`); 0 where it announced none. */
  readonly announcedBytes: number;
  /** Resolves when the kernel has the bytes, or the client is gone. */
  send(bytes: Buffer): Promise<void>;
  readBytes(count: number): Promise<Buffer>;
  readLine(): Promise<string>;
  /** Lets the honest server have the command, with its literals, and hands over what it answers piece by piece. */
  forward(sink: (bytes: Buffer) => Promise<void>): Promise<void>;
  end(): void;
  reset(): void;
  /** Resolves when the connection is over. */
  readonly over: Promise<void>;
}

export class ClientGone extends Error {}

/** The steps of a script. */
export const step = {
  /** A client's line; a string has to be all of it, without the tag. */
  line(wanted: string | RegExp, times = 1): Trigger {
    const matches = (text: string | null) =>
      text !== null && (typeof wanted === 'string' ? text === wanted : wanted.test(text));
    return { kind: 'trigger', name: `line ${wanted}`, matches, times };
  },

  /** A new connection; what follows replaces the greeting, which {@link step.answer} gives. */
  connection(times = 1): Trigger {
    return { kind: 'trigger', name: 'connection', matches: (text) => text === null, times };
  },

  /** Sends exactly these bytes; line ends are yours. */
  reply(...parts: readonly Bytes[]): Action {
    return action('reply', async (stage) => stage.send(bytesOf(parts, stage.tag)));
  },

  /** Sends so few bytes at a time, and waits in between. */
  slowly(bytesPerTick: number, tickMs: number, ...parts: readonly Bytes[]): Action {
    return action('slowly', async (stage) => {
      const bytes = bytesOf(parts, stage.tag);
      for (let at = 0; at < bytes.length; at += bytesPerTick) {
        await stage.send(bytes.subarray(at, at + bytesPerTick));
        if ((await Promise.race([delay(tickMs), stage.over.then(() => 'over')])) === 'over') throw new ClientGone();
      }
    });
  },

  /** Reads a literal: as many bytes as were announced, or so many. No line follows by itself: see {@link step.rest}. */
  literal(sizeBytes?: number): Action {
    return action('literal', async (stage) => void (await stage.readBytes(sizeBytes ?? stage.announcedBytes)));
  },

  /** Reads one more line, whatever it is: the end of a command after its literal, or an answer to `+`. */
  rest(): Action {
    return action('rest', async (stage) => void (await stage.readLine()));
  },

  /** Milliseconds, or until the test says so. */
  wait(until: number | Promise<unknown>): Action {
    return action('wait', async (stage) => {
      await Promise.race([typeof until === 'number' ? delay(until) : until, stage.over]);
    });
  },

  /** Says nothing more and reads nothing more, until the client goes. */
  stall(): Action {
    return action('stall', (stage) => stage.over);
  },

  /** What the honest server answers to the command, changed by `change` if there is one. */
  answer(change?: (answer: Buffer) => Buffer): Action {
    return action('answer', async (stage) => {
      const pieces: Buffer[] = [];
      await stage.forward(async (bytes) => void pieces.push(bytes));
      const honest = Buffer.concat(pieces);
      await stage.send(change?.(honest) ?? honest);
    });
  },

  /** The honest server does what the command says, and the client hears nothing of it. */
  effect(): Action {
    return action('effect', (stage) => stage.forward(async () => undefined));
  },

  close(): Action {
    return action('close', async (stage) => stage.end());
  },

  /** RST: what the client has not read yet may be lost to it. */
  reset(): Action {
    return action('reset', async (stage) => stage.reset());
  },
} as const;

function action(name: string, run: Action['run']): Action {
  return { kind: 'action', name, run };
}

function bytesOf(parts: readonly Bytes[], tag: string): Buffer {
  return Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part.replaceAll('{tag}', tag), 'latin1') : part)),
  );
}
