import { ALL_CAPABILITIES, type ImapServerOptions } from './options.ts';
import type { Session } from './session.ts';

/** What the sessions of one server share. */
export class ServerState {
  readonly options: ImapServerOptions;
  readonly capabilities: ReadonlySet<string>;
  readonly sessions = new Set<Session>();
  /** How often each command came, refused ones too. */
  readonly commandCounts = new Map<string, number>();
  /** Connections ever made. */
  connections = 0;
  peakConnections = 0;

  constructor(options: ImapServerOptions) {
    this.options = options;
    const capabilities = new Set(options.capabilities ?? ALL_CAPABILITIES);
    if (options.authenticateToken !== undefined) capabilities.add('AUTH=XOAUTH2');
    if (options.maxMessageBytes !== undefined && options.capabilities === undefined) {
      capabilities.add(`APPENDLIMIT=${options.maxMessageBytes}`);
    }
    if (options.store.gmail) capabilities.add('X-GM-EXT-1');
    this.capabilities = capabilities;
  }

  count(command: string): number {
    const count = (this.commandCounts.get(command) ?? 0) + 1;
    this.commandCounts.set(command, count);
    return count;
  }

  /** As it stands for this session: STARTTLS and the sign-in methods come and go with encryption (RFC 3501 §6.2.1, §11.1). */
  capabilityLine(session: Session): string {
    const line = [...this.capabilities];
    if (this.options.security !== 'starttls' || session.secure) return line.join(' ');
    return [...line.filter((name) => !name.startsWith('AUTH=')), 'STARTTLS', 'LOGINDISABLED'].join(' ');
  }
}
