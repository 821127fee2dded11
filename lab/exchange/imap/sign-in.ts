import type { SignInVerdict } from '../../imap/options.ts';
import type { HostedTenant } from '../tenant.ts';
import type { ImapQuirks } from './quirks.ts';

/** What an application gets that opens a mailbox by XOAUTH2 (exchange.md §5.1). A refusal comes at once, without a challenge. */
export function openByToken(tenant: HostedTenant, quirks: ImapQuirks, user: string, token: string): SignInVerdict {
  const opened = tenant.mayOpenByImap(token, user);
  switch (opened.verdict) {
    case 'ok':
      return isLicensed(tenant, opened.mailbox) ? { user: opened.mailbox } : notConnected(quirks, 'AUTHENTICATE');
    case 'not-connected':
      return notConnected(quirks, 'AUTHENTICATE');
    case 'auth-failed':
      return { reply: 'NO AUTHENTICATE failed.', withoutChallenge: true };
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
  if (when === 'afterwards') return { disconnected: 'BAD User is authenticated but not connected.' };
  return { reply: 'NO User is authenticated but not connected.', withoutChallenge: mechanism === 'AUTHENTICATE' };
}
