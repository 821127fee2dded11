import type { Route } from '../routes.ts';
import type { MailAccount, MailTarget, OpenedFolder, TargetFolder, TargetOptions } from './mail.ts';

/** Begins the name of each folder that a probe makes: whoever finds one may remove it, and a probe removes no other. */
export const PROBE_FOLDER_PREFIX = 'Mailferry probe ';

/** One route into one mailbox, with what a probe may do beyond writing and reading: make and remove a folder of its own. */
export interface ProbeSession {
  /** As mail would be written by this route. */
  readonly target: MailTarget;
  /**
   * A folder that the mailbox's owner is not shown, where the route has such (Graph and EWS: isHidden). Not idempotent.
   * @param name  begins with {@link PROBE_FOLDER_PREFIX}
   */
  makeProbeFolder(name: string): Promise<OpenedFolder>;
  /** Folders of probes at the top of the mailbox, hidden ones too: those of dead probes among them. */
  listProbeFolders(): AsyncIterable<TargetFolder>;
  /** With all that is in it, for good. Twice is the same as once. Refuses a folder that is no probe's. */
  removeProbeFolder(folder: TargetFolder): Promise<void>;
  /** Whether programs show the message as a draft. Null where the route does not tell. */
  findDraftState(folder: TargetFolder, uid: number): Promise<boolean | null>;
  /** Twice is safe; never throws. */
  close(): Promise<void>;
}

export interface RouteProber {
  /** @throws as MailConnector.openTarget; ROUTE_UNAVAILABLE where the plan or the tenant has no such interface */
  openProbe(account: MailAccount, route: Route, signal: AbortSignal, options?: TargetOptions): Promise<ProbeSession>;
}
