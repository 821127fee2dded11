import type { MigrationError } from './errors.ts';
import { fingerprintOf } from './fingerprint.ts';
import type { Message } from './mail.ts';
import type { LedgerMessage } from './ports/ledger.ts';
import type { MailTarget } from './ports/mail.ts';
import { receivedAtOf } from './received-at.ts';
import { describeRepairs, repairForAppend, repairMessage } from './repair.ts';
import type { Ready } from './unit-outcomes.ts';
import { wrapMessage } from './wrap.ts';

/**
 * The lossless ladder, from the top: a message goes as it is, with the least repair, or as an attachment of a stub; what is refused in
 * all forms is named. Each rung is tried only after the one above was refused.
 */
export function asIs(
  read: { readonly message: LedgerMessage; readonly mail: Message; readonly fingerprint: string },
  target: Pick<MailTarget, 'munges8BitHeaders'>,
  now: string,
): Ready {
  const { message, mail, fingerprint } = read;
  const date = receivedAtOf({ internalDate: mail.receivedAt, raw: mail.raw, now });
  const dated = { ...mail, receivedAt: date.at };
  const changes = date.from === 'internaldate' ? [] : [DATED_BY[date.from]];
  const ready: Ready = {
    message,
    original: mail.raw,
    mail: dated,
    fingerprint,
    copyFingerprint: null,
    state: 'copied',
    rung: 'as-is',
    changes,
  };
  // No IMAP literal can carry NUL, and a server that writes over 8-bit octets in headers loses them without a word.
  const { raw, detail } = repairForAppend(mail.raw);
  const nul: Ready =
    detail === null ? ready : { ...withBytes(ready, raw), state: 'repaired', changes: [...changes, detail] };
  if (!target.munges8BitHeaders) return nul;
  const repaired = repairMessage(mail.raw);
  // In an address there is no encoding for them.
  if (hasEightBitHeader(repaired.raw)) return wrappedFor(nul, 'It would write over 8-bit characters in an address.');
  return repaired.repairs.includes('eight-bit-header') ? repairedTo(nul, repaired) : nul;
}

/** Of the message itself: those of its parts are a body to the server. */
function hasEightBitHeader(raw: Buffer): boolean {
  const end = raw.indexOf('\r\n\r\n');
  return raw.subarray(0, end < 0 ? raw.length : end).some((octet) => octet > 0x7f);
}

/** @returns null when there is no other form of it, or none that would help */
export function nextRung(refused: Ready, error: MigrationError): Ready | null {
  if (error.code !== 'MESSAGE_REFUSED') return null;
  if (refused.rung === 'as-is') {
    const repaired = repairMessage(refused.original);
    const helps = repaired.left.length === 0 && !repaired.raw.equals(refused.mail.raw);
    if (helps) return { ...repairedTo(refused, repaired), rung: 'repaired' };
  }
  if (refused.rung === 'wrapped') return null;
  return wrappedFor(refused, error.message);
}

function wrappedFor(ready: Ready, reason: string): Ready {
  const raw = wrapMessage(ready.original, { receivedAt: ready.mail.receivedAt, reason });
  return {
    ...withBytes(ready, raw),
    state: 'wrapped',
    rung: 'wrapped',
    changes: [
      `The target does not take the message itself, so the original is attached to a stub, byte for byte. ${reason}`,
    ],
  };
}

function repairedTo(ready: Ready, { raw, repairs }: ReturnType<typeof repairMessage>): Ready {
  return { ...withBytes(ready, raw), state: 'repaired', changes: [describeRepairs(ready.original, raw, repairs)] };
}

function withBytes(ready: Ready, raw: Buffer): Ready {
  const fingerprint = fingerprintOf(raw);
  const copyFingerprint = fingerprint === ready.fingerprint ? null : fingerprint;
  return { ...ready, mail: { ...ready.mail, raw }, copyFingerprint };
}

const DATED_BY = {
  received: 'The source gave no usable date of arrival; it was taken from the last Received header.',
  date: 'The source gave no usable date of arrival; it was taken from the Date header.',
  none: 'The source gave no usable date of arrival and the message has none; it bears the time of its copy.',
} as const;
