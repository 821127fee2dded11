import type { ParsedCommand, Token } from '../parser.ts';
import type { Session } from '../session.ts';

export interface CommandHandler {
  needs: 'nothing' | 'account' | 'folder';
  /** The command is unknown where this is not offered. */
  capability?: string;
  /** Sends the untagged answers and gives the tagged one without the tag; null when the connection is over. */
  run: (session: Session, args: readonly Token[], command: ParsedCommand) => Promise<string | null>;
}
