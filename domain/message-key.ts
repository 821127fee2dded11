import { sha256Hex } from './fingerprint.ts';

/** The row of the ledger that a message has: a folder keeps its id when it is renamed. */
export interface MessageIdentity {
  readonly folderId: string;
  readonly uidValidity: string;
  readonly uid: number;
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'; // RFC 4648 §6 in lower case, without padding

/**
 * What a copy bears at a target that can keep it (Message.key): base32 of SHA-256, 52 characters, over the mailbox and the row of its
 * message. The mailbox's id is random and stands for one source account and one target mailbox, so no two messages of two
 * migrations have one key.
 *
 * A row under which something was sent keeps its key whatever happens at the source since: a message that is moved or numbered anew
 * gets another row, and with it another key.
 */
export function messageKeyOf(mailboxId: string, { folderId, uidValidity, uid }: MessageIdentity): string {
  return base32(Buffer.from(sha256Hex(JSON.stringify([mailboxId, folderId, uidValidity, uid])), 'hex'));
}

function base32(bytes: Buffer): string {
  let text = '';
  let [held, bits] = [0, 0];
  for (const byte of bytes) {
    held = (held << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(held >>> (bits - 5)) & 31];
    held &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + ALPHABET[(held << (5 - bits)) & 31];
}
