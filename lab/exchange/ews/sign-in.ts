import type { Account, MailStore } from '../../imap/store.ts';
import type { TenantState } from '../directory/state.ts';
import type { HttpCall } from '../front.ts';
import { type Access, bearerOf } from '../identity/access.ts';
import type { Application } from '../identity/application.ts';
import { Refusal } from '../refusal.ts';
import { EwsError, soapFault } from './refusal.ts';
import type { EwsSettings } from './settings.ts';

export interface Directory {
  readonly store: MailStore;
  readonly state: TenantState;
  readonly access: Access;
  readonly settings: EwsSettings;
}

/** Who calls, before it is known for whom. */
export interface Caller {
  /** Account or application: throttling counts by it, not by the mailbox (exchange.md §4.2). */
  readonly principal: string;
  /** Null for an account or an application without a mailbox of its own. */
  readonly own: Account | null;
  /** Null for an account. */
  readonly application: Application | null;
}

/**
 * A password of a service account or of a mailbox (Basic), or a token of an application.
 * @throws Refusal 401 with the methods that would do
 */
export function signIn(call: HttpCall, directory: Directory): Caller {
  const authorization = call.headers['authorization'] ?? '';
  if (/^Bearer /i.test(authorization)) return byToken(authorization, directory);
  const [user = '', ...rest] = /^Basic /i.test(authorization)
    ? Buffer.from(authorization.slice(6), 'base64').toString('utf8').split(':')
    : [];
  const password = rest.join(':');
  const service = directory.settings.serviceAccounts.get(user.toLowerCase());
  if (service !== undefined && service.password === password) {
    return { principal: user.toLowerCase(), own: directory.store.findAccount(user), application: null };
  }
  const own = directory.store.findAccount(user);
  if (own === null || own.password !== password) throw unauthorised();
  return { principal: user.toLowerCase(), own, application: null };
}

/**
 * The mailbox that a call is for, by header `t:ExchangeImpersonation` or, without it, the caller's own (exchange.md §4.2).
 * @throws Refusal a SOAP fault
 */
export function mailboxFor(caller: Caller, impersonated: string | null, directory: Directory): Account {
  const { store, state, settings } = directory;
  if (impersonated === null) {
    if (caller.own !== null) return caller.own;
    // A token of an application has no mailbox of its own (recalled).
    throw soapFault(
      new EwsError(caller.application !== null ? 'ErrorImpersonationRequired' : 'ErrorNonExistentMailbox'),
    );
  }
  const address = state.findMailbox(impersonated)?.address ?? impersonated;
  const mayImpersonate =
    caller.application?.mayUse(address) ?? settings.serviceAccounts.get(caller.principal)?.mayImpersonate === true;
  if (!mayImpersonate) throw soapFault(new EwsError('ErrorImpersonateUserDenied'));
  const account = store.findAccount(address);
  if (account === null) throw soapFault(new EwsError('ErrorNonExistentMailbox'));
  return account;
}

function byToken(authorization: string, { access }: Directory): Caller {
  const caller = access.check(bearerOf(authorization), { resource: 'exchange', roles: ['full_access_as_app'] });
  if (caller === 'rights') throw new Refusal(403, '');
  if (typeof caller === 'string') throw unauthorised();
  return { principal: caller.application.clientId, own: null, application: caller.application };
}

function unauthorised(): Refusal {
  return new Refusal(401, '', { 'www-authenticate': 'Basic realm="Exchange", Bearer' });
}
