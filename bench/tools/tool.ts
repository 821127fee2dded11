import type { ImapEndpoint } from '../../lab/imap-client.ts';

/** From where to where one mailbox goes. */
export interface Route {
  readonly source: ImapEndpoint;
  readonly target: ImapEndpoint;
  /** Of the target server where it is Dovecot on this machine: doveadm writes its files itself. */
  readonly targetConfig: string;
  /** An empty folder for what the tool has to remember. */
  readonly folder: string;
}

/** One run of a tool. */
export interface Sample {
  readonly wallMs: number;
  /** Of that, spent on re-reading the target; null where the tool does not do it. */
  readonly verifyMs: number | null;
  /** User and system time of all processes of the tool, without the mail servers. */
  readonly cpuMs: number;
  /** Of the process that moves the mail. */
  readonly peakBytes: number;
  /** What this tool alone can tell, in ms. */
  readonly parts?: Readonly<Record<string, number>>;
}

export interface Tool {
  readonly name: string;
  /** Makes ready for a target that nobody has written to; each run then moves what is new. */
  prepare(route: Route): Promise<() => Promise<Sample>>;
}
