import type { SessionEnd, SignInVerdict } from '../../imap/options.ts';
import type { HostedTenant } from '../tenant.ts';
import type { ImapQuirks } from './quirks.ts';

const NOT_CONNECTED = 'BAD User is authenticated but not connected.';

/** What an application gets that opens a mailbox by XOAUTH2 (exchange.md §5.1). A refusal comes at once, without a challenge. */
export function openByToken(tenant: HostedTenant, quirks: ImapQuirks, user: string, token: string): SignInVerdict {
  const opened = tenant.mayOpenByImap(token, user);
  switch (opened.verdict) {
    case 'ok':
      if (!isLicensed(tenant, opened.mailbox)) return notConnected(quirks, 'AUTHENTICATE');
      return { user: opened.mailbox, endedBy: () => endOf(tenant, user, token) };
    case 'not-connected':
      return notConnected(quirks, 'AUTHENTICATE');
    case 'auth-failed':
      return { reply: 'NO AUTHENTICATE failed.', withoutChallenge: true };
  }
}

/**
 * What becomes of an open session: it does not outlive its token (seen: mail programs keep these words), and a right, a licence or a
 * switch that was taken away counts from the next command on (a guess).
 */
function endOf(tenant: HostedTenant, user: string, token: string): SessionEnd | null {
  const opened = tenant.mayOpenByImap(token, user);
  switch (opened.verdict) {
    case 'ok':
      return isLicensed(tenant, opened.mailbox) ? null : { disconnected: NOT_CONNECTED };
    case 'not-connected':
      return { disconnected: NOT_CONNECTED };
    case 'auth-failed':
      return { bye: 'Session invalidated - AccessTokenExpired' };
  }
}

/** LOGIN and PLAIN; `user@example.org\shared` opens the shared mailbox with the user's own password (exchange.md §5.1). */
export function openByPassword(
  tenant: HostedTenant,
  quirks: ImapQuirks,
  name: string,
  password: string,
): SignInVerdict {
  const [user = '', shared] = name.split('\\');
  const { state, store, access } = tenant;
  const own = store.findAccount(state.findMailbox(user)?.address ?? user);
  if (!quirks.passwords || own === null || own.password !== password) return { reply: 'NO LOGIN failed.' };
  const wanted = shared === undefined ? own.user : mailboxNamed(tenant, shared, own.user);
  const mayOpen = (mailbox: string) =>
    quirks.mayOpenShared?.(own.user, mailbox) ?? access.mailboxes.fullAccessOf(mailbox).has(own.user);
  const isOpen = wanted !== null && (wanted === own.user || mayOpen(wanted));
  if (!isOpen || state.findMailbox(wanted)?.imap === false || !isLicensed(tenant, wanted))
    return notConnected(quirks, 'LOGIN');
  return { user: wanted, signedInAs: own.user };
}

/** A shared mailbox needs no licence: nobody signs in as it. */
function isLicensed({ state }: HostedTenant, mailbox: string): boolean {
  return state.findUser(mailbox)?.licences.size !== 0;
}

function mailboxNamed({ state, store }: HostedTenant, name: string, beside: string): string | null {
  const address = name.includes('@') ? name : `${name}${beside.slice(beside.indexOf('@'))}`;
  return store.findAccount(state.findMailbox(address)?.address ?? address)?.user ?? null;
}

function notConnected({ notConnected: when }: ImapQuirks, mechanism: string): SignInVerdict {
  if (when === 'afterwards') return { disconnected: NOT_CONNECTED };
  return { reply: 'NO User is authenticated but not connected.', withoutChallenge: mechanism === 'AUTHENTICATE' };
}
