import type { SignInVerdict } from '../options.ts';
import { type Token, textOf } from '../parser.ts';
import type { Session } from '../session.ts';

/** One answer for an unknown user and a wrong password: which of the two it was is nobody's business (RFC 5530). */
const WRONG = 'NO [AUTHENTICATIONFAILED] Authentication failed.';

export async function starttls(session: Session): Promise<string> {
  if (session.server.options.security !== 'starttls') return 'BAD STARTTLS is not offered';
  return session.secure ? 'BAD Already encrypted' : 'OK Begin TLS';
}

export async function login(session: Session, args: readonly Token[]): Promise<string> {
  const refusal = refuseNow(session);
  if (refusal !== null) return refusal;
  return signIn(session, utf8(args[0]), utf8(args[1]), 'LOGIN');
}

export async function authenticate(session: Session, args: readonly Token[]): Promise<string | null> {
  const refusal = refuseNow(session);
  if (refusal !== null) return refusal;
  const mechanism = textOf(args[0])?.toUpperCase() ?? '';
  if (!session.can(`AUTH=${mechanism}`)) return 'NO [CANNOT] Unknown mechanism';
  const initial = textOf(args[1]);
  if (initial !== null && !session.can('SASL-IR')) return 'BAD An initial response is not offered';
  if (initial === null) await session.send('+ ');
  const response = initial ?? (await session.readLine());
  if (response === null) return null;
  if (response === '*') return 'BAD Cancelled';
  const decoded = Buffer.from(response, 'base64').toString('utf8');
  if (mechanism === 'XOAUTH2') return await signInByToken(session, decoded);
  if (mechanism !== 'PLAIN') return 'NO [CANNOT] Unknown mechanism';
  const [, user, password] = decoded.split('\0');
  return signIn(session, user ?? '', password ?? '', 'AUTHENTICATE');
}

function refuseNow(session: Session): string | null {
  if (session.account !== null || session.disconnected !== null) return 'BAD Already signed in';
  if (session.server.options.security === 'starttls' && !session.secure) {
    return 'NO [PRIVACYREQUIRED] Use STARTTLS first';
  }
  return null;
}

function utf8(token: Token | undefined): string {
  return Buffer.from(textOf(token) ?? '', 'latin1').toString('utf8');
}

function signIn(session: Session, user: string, password: string, mechanism: string): string {
  const { store, texts, authenticatePassword } = session.server.options;
  const failed = texts?.signInFailed?.(mechanism) ?? WRONG;
  const verdict = authenticatePassword?.(user, password) ?? {
    ...(store.findAccount(user)?.password === password ? { user } : { reply: failed }),
  };
  return 'reply' in verdict ? verdict.reply : openAs(session, verdict, mechanism);
}

/** XOAUTH2: `user=…^Aauth=Bearer …^A^A`; a refused token gets a challenge first, which the client answers with an empty line. */
async function signInByToken(session: Session, response: string): Promise<string | null> {
  const user = /(?:^|\x01)user=([^\x01]*)/.exec(response)?.[1] ?? '';
  const token = /\x01auth=Bearer ([^\x01]*)/i.exec(response)?.[1] ?? '';
  const verdict = (await session.server.options.authenticateToken?.(user, token)) ?? { reply: WRONG };
  if (!('reply' in verdict)) return openAs(session, verdict, 'AUTHENTICATE');
  if (verdict.withoutChallenge) return verdict.reply;
  await session.send(`+ ${Buffer.from('{"status":"401","schemes":"bearer"}').toString('base64')}`);
  return (await session.readLine()) === null ? null : verdict.reply;
}

function openAs(session: Session, verdict: Exclude<SignInVerdict, { reply: string }>, mechanism: string): string {
  const signedIn = session.server.options.texts?.signedIn?.(mechanism);
  if ('disconnected' in verdict) {
    session.disconnected = verdict.disconnected;
    return signedIn ?? 'OK Logged in';
  }
  const answer = openAccount(session, verdict.user);
  if (session.account === null) return answer;
  session.signedInAs = verdict.signedInAs ?? verdict.user;
  session.endedBy = verdict.endedBy ?? null;
  return signedIn ?? answer;
}

function openAccount(session: Session, user: string): string {
  const { options, sessions } = session.server;
  const refusal = options.onSignIn?.(user);
  if (refusal !== undefined) return refusal;
  const account = options.store.findAccount(user);
  if (account === null) return WRONG;
  const open = [...sessions].filter((other) => other.account === account).length;
  if (open >= (options.maxConnectionsPerUser ?? Number.POSITIVE_INFINITY)) {
    // The words of Dovecot 2.3 for mail_max_userip_connections, which clients look for.
    return options.texts?.tooManyConnections ?? 'NO [LIMIT] Maximum number of connections from user+IP exceeded';
  }
  session.account = account;
  return `OK [CAPABILITY ${session.server.capabilityLine(session)}] Logged in`;
}
