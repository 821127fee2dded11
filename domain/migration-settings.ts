import type { DnsPath, Policy } from './plan.ts';

/** The part of a plan that the workflow needs to tell the story: no address, no host, no secret. JSON only. */
export interface MigrationSettings {
  readonly clientId: string;
  readonly clientName: string;
  /** `imap` stands for every target that is not administered: its mailboxes exist already. */
  readonly targetKind: 'imap' | 'hosted-exchange';
  /** False when the plan has no DNS part: the DNS steps are not needed then. */
  readonly hasDns: boolean;
  readonly policy: Policy;
  readonly timeZone: string;
  readonly wantsAddOns: boolean;
  readonly mailboxes: number;
  readonly cutoverAt: string | null;
  readonly dnsPath: DnsPath | null;
}
