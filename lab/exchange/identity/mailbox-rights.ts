import type { Application } from './application.ts';

/** An enterprise application as Exchange knows it, after `New-ServicePrincipal` (exchange.md §5.1). */
export interface ServicePrincipal {
  readonly appId: string;
  /** As it was given; Exchange takes a wrong one without a word, and then no sign-in works. */
  readonly objectId: string;
  readonly displayName: string;
}

/** Which applications may open which mailboxes by IMAP without a user: an own list of Exchange's, apart from the roles of a token. */
export class MailboxRights {
  /** By app id. */
  readonly principals = new Map<string, ServicePrincipal>();
  readonly #fullAccess = new Map<string, Set<string>>();
  readonly #application: (appId: string) => Application | null;

  constructor(application: (appId: string) => Application | null) {
    this.#application = application;
  }

  /** By app id, object id or display name, as `-User` and `-Identity` take it. */
  findPrincipal(identity: string): ServicePrincipal | null {
    const all = [...this.principals.values()];
    return all.find((one) => [one.appId, one.objectId, one.displayName].includes(identity)) ?? null;
  }

  /** Twice is the same as once. */
  addPrincipal(principal: ServicePrincipal): void {
    this.principals.set(principal.appId, principal);
  }

  /** False: it was there already. */
  grantFullAccess(mailbox: string, appId: string): boolean {
    const granted = this.fullAccessOf(mailbox);
    if (granted.has(appId)) return false;
    granted.add(appId);
    return true;
  }

  /** False: it was not there. */
  removeFullAccess(mailbox: string, appId: string): boolean {
    return this.fullAccessOf(mailbox).delete(appId);
  }

  /** App ids. */
  fullAccessOf(mailbox: string): Set<string> {
    const key = mailbox.toLowerCase();
    const granted = this.#fullAccess.get(key) ?? new Set<string>();
    this.#fullAccess.set(key, granted);
    return granted;
  }

  /** Both steps at once, for tests that are about something else. */
  allowImap(application: Application, mailbox: string): void {
    this.addPrincipal({ appId: application.clientId, objectId: application.principalId, displayName: 'Mailferry' });
    this.grantFullAccess(mailbox, application.clientId);
  }

  /** Whether the principal was registered with the id of the enterprise application and not with another. */
  isRegistered(appId: string): boolean {
    const objectId = this.principals.get(appId)?.objectId;
    return objectId !== undefined && objectId === this.#application(appId)?.principalId;
  }
}
