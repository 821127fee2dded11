import { chooseRoute } from './choose-route.ts';
import type { MigrationError } from './errors.ts';
import { isSealed, jsonFormOf } from './json-form.ts';
import type { Message } from './mail.ts';
import { markOf } from './marks.ts';
import type { LedgerMessage } from './ports/ledger.ts';
import type { MailTarget } from './ports/mail.ts';
import { receivedAtOf } from './received-at.ts';
import { disarmReceipts } from './repair/receipts.ts';
import { describeRepairs, repairForAppend, repairMessage } from './repair.ts';
import { type Route, type RouteOffer, weakerOf } from './routes.ts';
import type { Ready } from './unit-outcomes.ts';
import { wrapMessage } from './wrap.ts';

/** What the ladder has to know of a target. */
export type LadderTarget = Pick<MailTarget, 'route' | 'fidelity' | 'munges8BitHeaders' | 'routes' | 'facts'>;

export interface LadderRules {
  /** Whether signed and encrypted mail may go by a route that breaks its signature. */
  readonly signedMail: 'keep' | 'may-break';
  /** RFC 3339, only to tell an absurd date from a sane one. */
  readonly now: string;
}

interface Read {
  readonly message: LedgerMessage;
  readonly mail: Message;
  readonly fingerprint: string;
}

/**
 * The lossless ladder, from the top: a message goes as it is, by the next route that takes it, with the least repair, or as an
 * attachment of a stub; what is refused in all forms is named. Each rung is tried only after the one above was refused.
 *
 * A route that carries only the parts of a message gets its JSON form; what that cannot carry is told. What is signed or encrypted
 * never goes by it, unless the rules say so.
 */
export function asIs(read: Read, target: LadderTarget, rules: LadderRules): Ready {
  const { message, mail, fingerprint } = read;
  const date = receivedAtOf({ internalDate: mail.receivedAt, raw: mail.raw, now: rules.now });
  const route = findRoute(mail.raw, target, rules, null);
  const ready: Ready = {
    message,
    original: mail.raw,
    mail: { ...mail, receivedAt: date.at },
    route: route ?? offersOf(target)[0].route,
    fingerprint,
    copyFingerprint: null,
    state: 'copied',
    rung: 'as-is',
    notes: date.from === 'internaldate' ? [] : [DATED_BY[date.from]],
    changes: [],
  };
  if (route === null) return wrappedFor(ready, target, SIGNED);
  const whole = wholeBy(ready, target);
  if (!target.munges8BitHeaders) return whole;
  const repaired = repairMessage(mail.raw);
  // In an address there is no encoding for them.
  if (hasEightBitHeader(repaired.raw)) {
    return wrappedFor(whole, target, 'It would write over 8-bit characters in an address.');
  }
  return repaired.repairs.includes('eight-bit-header') ? repairedTo(whole, target, repaired) : whole;
}

/** Of the message itself: those of its parts are a body to the server. */
function hasEightBitHeader(raw: Buffer): boolean {
  const end = raw.indexOf('\r\n\r\n');
  return raw.subarray(0, end < 0 ? raw.length : end).some((octet) => octet > 0x7f);
}

/** @returns null when there is no other form of it, or none that would help */
export function nextRung(
  refused: Ready,
  error: MigrationError,
  target: LadderTarget,
  rules: LadderRules,
): Ready | null {
  if (error.code !== 'MESSAGE_REFUSED' && error.code !== 'MESSAGE_TOO_LARGE') return null;
  if (refused.rung === 'as-is') {
    const route = findRoute(refused.original, target, rules, refused.route);
    if (route !== null) return wholeBy({ ...refused, route }, target);
  }
  if (error.code === 'MESSAGE_TOO_LARGE') return null;
  if (refused.rung === 'as-is') {
    const repaired = repairMessage(refused.original);
    const ready = repairedTo(refused, target, repaired);
    const helps = repaired.left.length === 0 && !ready.mail.raw.equals(refused.mail.raw);
    if (helps) return { ...ready, rung: 'repaired' };
  }
  if (refused.rung === 'wrapped') return null;
  return wrappedFor(refused, target, error.message);
}

function wholeBy(ready: Ready, target: LadderTarget): Ready {
  // No IMAP literal can carry NUL, and a server that writes over 8-bit octets in headers loses them without a word.
  const { raw, detail } = repairForAppend(ready.original);
  return detail === null ? carried(ready, target, raw, 'copied') : carried(ready, target, raw, 'repaired', detail);
}

function wrappedFor(ready: Ready, target: LadderTarget, reason: string): Ready {
  const raw = wrapMessage(ready.original, { receivedAt: ready.mail.receivedAt, reason });
  const route = chooseRoute(offersOf(target), { sizeBytes: raw.length, isWhole: false, after: null }) ?? ready.route;
  const detail = `The target does not take the message itself, so the original is attached to a stub, byte for byte. ${reason}`;
  return { ...carried({ ...ready, route }, target, raw, 'wrapped', detail), rung: 'wrapped' };
}

function repairedTo(ready: Ready, target: LadderTarget, { raw, repairs }: ReturnType<typeof repairMessage>): Ready {
  return carried(ready, target, raw, 'repaired', describeRepairs(ready.original, raw, repairs));
}

/** With these bytes as the route of the message carries them, and the mark that the copy has then. */
function carried(ready: Ready, target: LadderTarget, raw: Buffer, state: Ready['state'], ...changes: string[]): Ready {
  const { fidelity } = offersOf(target).find(({ route }) => route === ready.route) ?? target;
  const quiet = answersReceipts(target) && !isSeen(ready) ? disarmReceipts(raw) : raw;
  if (quiet !== raw) {
    const told = describeRepairs(raw, quiet, ['receipt']);
    return carried(ready, target, quiet, state === 'copied' ? 'repaired' : state, ...changes, told);
  }
  const form = fidelity === 'parts' ? jsonFormOf(raw) : { raw, lost: [] };
  const kept = weakerOf(fidelity, target.fidelity);
  const isOriginal = kept === 'bytes' && form.raw === ready.original;
  const mark = isOriginal ? ready.fingerprint : markOf(form.raw, kept);
  const isLess = state === 'copied' && form.lost.length > 0;
  return {
    ...ready,
    mail: { ...ready.mail, raw: form.raw, ...(target.routes && { route: ready.route }) },
    copyFingerprint: mark === ready.fingerprint ? null : mark,
    state: isLess ? 'repaired' : state,
    changes: [...changes, ...form.lost],
  };
}

/**
 * T70: a read receipt that an unseen message asks for is sent by Exchange when its owner reads the copy, whatever was done at the source
 * (exchange.md §5.3, §9.3). What was read there stays as it is, byte for byte.
 */
function answersReceipts({ facts }: LadderTarget): boolean {
  return /exchange/i.test(facts.name);
}

function isSeen({ mail: { flags } }: Ready): boolean {
  return flags.some((flag) => flag.toLowerCase() === '\\seen');
}

/** The next route behind `after` that carries the message whole, or in so many parts as the rules allow. */
function findRoute(raw: Buffer, target: LadderTarget, rules: LadderRules, after: Route | null): Route | null {
  const offers = offersOf(target);
  const mayBreak = rules.signedMail === 'may-break' || offers.every(({ keepsSignatures }) => keepsSignatures);
  return chooseRoute(offers, { sizeBytes: raw.length, isWhole: !mayBreak && isSealed(raw), after });
}

/** Of a target with one route the size is looked at before anything is made ready. */
function offersOf({ routes, route, fidelity }: LadderTarget): readonly [RouteOffer, ...RouteOffer[]] {
  return routes ?? [{ route, fidelity, maxMessageBytes: null, keepsSignatures: fidelity !== 'parts' }];
}

const SIGNED = 'It is signed or encrypted, which no way to the target would keep.';

const DATED_BY = {
  received: 'The source gave no usable date of arrival; it was taken from the last Received header.',
  date: 'The source gave no usable date of arrival; it was taken from the Date header.',
  none: 'The source gave no usable date of arrival and the message has none; it bears the time of its copy.',
} as const;
