import type { TenantState } from '../directory/state.ts';
import type { Access } from './access.ts';

/** `auth-failed`: `NO AUTHENTICATE failed.`; `not-connected`: `NO User is authenticated but not connected.` (exchange.md §5.1). */
export type ImapSignIn =
  | { readonly verdict: 'ok'; readonly mailbox: string }
  | { readonly verdict: 'auth-failed' | 'not-connected' };

/**
 * What Exchange says to an application that opens a mailbox by XOAUTH2 (exchange.md §5.1): the token must be for Exchange with
 * `IMAP.AccessAsApp`, the application be known to Exchange as a service principal with the right object id, and have FullAccess to a
 * mailbox that is there and has IMAP on. What is wrong with the token fails the sign-in (a guess for the object id), the rest
 * only the connection to the mailbox.
 */
export function imapSignIn(access: Access, state: TenantState, token: string, user: string): ImapSignIn {
  const caller = access.check(token, { resource: 'exchange', roles: ['IMAP.AccessAsApp'] });
  if (typeof caller === 'string') return { verdict: 'auth-failed' };
  const { application } = caller;
  if (!access.mailboxes.isRegistered(application.clientId)) return { verdict: 'auth-failed' };
  const mailbox = state.findMailbox(user);
  const mayOpen =
    mailbox?.imap === true &&
    application.mayUse(mailbox.address) &&
    access.mailboxes.fullAccessOf(mailbox.address).has(application.clientId);
  return mayOpen ? { verdict: 'ok', mailbox: mailbox.address } : { verdict: 'not-connected' };
}
