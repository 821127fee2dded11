import type { Token } from '../parser.ts';
import { textOf } from '../parser.ts';
import type { Session } from '../session.ts';

export async function capability(session: Session): Promise<string> {
  await session.send(`* CAPABILITY ${session.server.capabilityLine(session)}`);
  return 'OK Done';
}

/** NOOP and CHECK: the session tells changes before every tagged answer anyway. */
export async function noop(): Promise<string> {
  return 'OK Done';
}

export async function logout(session: Session): Promise<string> {
  session.select(null);
  await session.send('* BYE Until next time');
  return 'OK Done';
}

export async function id(session: Session): Promise<string> {
  await session.send(`* ID ${session.server.options.texts?.id ?? '("name" "mailferry-lab")'}`);
  return 'OK Done';
}

/** RFC 5161: only what is offered is enabled, the rest is passed over. */
export async function enable(session: Session, args: readonly Token[]): Promise<string> {
  const wanted = args.map((arg) => textOf(arg)?.toUpperCase() ?? '');
  const enabled = wanted.filter((name) => ['CONDSTORE', 'QRESYNC'].includes(name) && session.can(name));
  for (const name of enabled) session.enabled.add(name);
  // RFC 7162 §3.2.3
  if (session.enabled.has('QRESYNC')) session.enabled.add('CONDSTORE');
  await session.send(['* ENABLED', ...enabled].join(' '));
  return 'OK Done';
}

export async function namespace(session: Session): Promise<string> {
  await session.send(`* NAMESPACE (("" "${session.server.options.store.separator}")) NIL NIL`);
  return 'OK Done';
}

/** RFC 2177: tells changes as they come until the client says DONE. */
export async function idle(session: Session): Promise<string | null> {
  let telling: Promise<void> = Promise.resolve();
  const unwatch = session.watchSelected(() => {
    telling = telling.then(() => session.tellChanges());
  });
  await session.send('+ idling');
  await session.tellChanges();
  const line = await session.readLine();
  unwatch();
  await telling;
  if (line === null) return null;
  return line.toUpperCase() === 'DONE' ? 'OK Done' : 'BAD Expected DONE';
}
