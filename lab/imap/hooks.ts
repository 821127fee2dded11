import type { StoredMessage } from './stored-message.ts';

/** Where a test bends the server. All hooks are optional; a server without them is an honest one. */
export interface ImapHooks {
  /** At a new connection, before the greeting: `drop` closes it, a greeting replaces ours (`* BYE busy`). */
  onConnect?: (connection: number) => 'drop' | { greeting: string } | undefined;
  /**
   * Before a command has any effect: `drop` cuts the connection, `reply` is sent as the tagged answer and `raw` as it is, both
   * instead of running the command. May wait, which stalls only this connection.
   */
  onCommand?: (command: SeenCommand) => CommandVerdict | Promise<CommandVerdict>;
  /**
   * Each whole response before it goes out, tagged ones included: `drop` cuts the connection instead, so at the tagged answer of
   * an APPEND the effect has happened and the client cannot know; a Buffer replaces it.
   */
  onResponse?: (response: Buffer, command: SeenCommand | null) => Buffer | 'drop' | undefined;
  /** A message that is about to be stored by APPEND: refuse it with a tagged text, or store something else. */
  onAppend?: (message: IncomingMessage) => AppendVerdict | Promise<AppendVerdict>;
  /** Once it is stored. */
  onAppended?: (stored: StoredMessage, message: IncomingMessage) => void;
  /** COPY has made a second message; MOVE makes none, the id stays. */
  onCopied?: (source: StoredMessage, copy: StoredMessage) => void;
  /** A folder that CREATE or RENAME is about to make: the tagged text that refuses it. `name` as the command carries it. */
  onCreate?: (name: string, user: string) => string | undefined;
  /** After STORE has changed a message, or left it as it was: with the flags that were named, also those that are not kept. */
  onStore?: (stored: StoredMessage, named: readonly string[]) => void;
}

export type AppendVerdict = IncomingMessage | { reply: string } | undefined;

export type CommandVerdict = 'drop' | { reply: string } | { raw: string } | undefined;

export interface SeenCommand {
  /** Which connection, counted from 1. */
  readonly connection: number;
  readonly tag: string;
  readonly name: string;
  /** The command line, literals as `{n}`; holds a password where the command does. */
  readonly text: string;
  readonly user: string | null;
  /** Decoded name of the selected folder. */
  readonly folder: string | null;
  /** The how manieth command of this name on this server, counted from 1. */
  readonly count: number;
}

export interface IncomingMessage {
  user: string;
  /** The folder's name as the command carries it. */
  folder: string;
  raw: Buffer;
  flags: readonly string[];
  internalDate: Date | null;
}
