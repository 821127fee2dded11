import type { Writable } from 'node:stream';
import type { ImapFlow } from 'imapflow';
import type { Message, TargetId } from '../../domain/mail.ts';
import { codeOf, execRaw, type RawResponse } from './raw-command.ts';
import { parseSet } from './sequence-set.ts';

/** Up to here a literal is sent unasked where LITERAL+ is offered; a larger one lets the server refuse before it travels. */
const UNASKED_BYTES = 1 << 20;
/** LITERAL- (RFC 7888 §5). */
const UNASKED_BYTES_MINUS = 4_096;
const LINE_END = Buffer.from('\r\n');

/**
 * APPEND, with several messages MULTIAPPEND (RFC 3502). Flags have to be ones that can be written as they are. Literals go to the
 * socket as they are, uncopied; imapflow 2.10.2 would copy them, and waits for each above 4,096 octets in spite of LITERAL+.
 * The line end that makes the server act is a write of its own, the last one.
 * @returns in the order of `messages`; null where the server does not tell (no UIDPLUS, RFC 4315)
 * @throws as {@link execRaw}
 */
export async function appendCommand(
  client: ImapFlow,
  folderId: string,
  messages: readonly Message[],
): Promise<readonly (TargetId | null)[]> {
  const unasked = client.capabilities.has('LITERAL+')
    ? UNASKED_BYTES
    : client.capabilities.has('LITERAL-')
      ? UNASKED_BYTES_MINUS
      : -1;
  const heads = messages.map((message) => headOf(message, message.raw.length <= unasked));
  let at = 0;
  /** Sends literals up to the one that has to be asked for. */
  const proceed = () => {
    for (let first = true; at < messages.length && (first || isUnasked(heads[at])); first = false) {
      write(client, messages[at]?.raw ?? LINE_END);
      at += 1;
      write(client, at < messages.length ? Buffer.from(` ${heads[at]}\r\n`) : LINE_END);
    }
  };
  const args = [
    { type: 'STRING', value: folderId },
    { type: 'TEXT', value: heads[0] ?? '' },
  ] as const;
  const answer = await execRaw(client, 'APPEND', args, {
    onSend: () => {
      if (isUnasked(heads[0])) proceed();
    },
    onPlusTag: () => {
      if (at < messages.length) proceed();
    },
  });
  return idsOf(answer, messages.length);
}

/** `(\Seen) "02-Jan-2026 03:04:05 +0000" {123+}` */
function headOf({ raw, flags, receivedAt }: Message, unasked: boolean): string {
  const date = receivedAt === null ? '' : `"${formatDate(new Date(receivedAt))}" `;
  return `(${flags.join(' ')}) ${date}{${raw.length}${unasked ? '+' : ''}}`;
}

function isUnasked(head: string | undefined): boolean {
  return head?.endsWith('+}') === true;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** date-time of RFC 3501 §9. */
function formatDate(date: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${two(date.getUTCDate())}-${MONTHS[date.getUTCMonth()]}-${String(date.getUTCFullYear()).padStart(4, '0')}`;
  return `${day} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} +0000`;
}

/** To imapflow's socket, or to the fence before it. Its own `write` would add a line end to each. */
function write(client: ImapFlow, bytes: Buffer): void {
  const { writeSocket } = client as unknown as { writeSocket?: Writable | null }; // null once it is closed
  if (writeSocket?.destroyed === false) writeSocket.write(bytes);
}

/** `[APPENDUID 38505 3955:3957]`; a set that is not as long as what was sent tells nothing. */
function idsOf(answer: RawResponse, count: number): readonly (TargetId | null)[] {
  const nothing = Array.from({ length: count }, () => null);
  const code = codeOf(answer);
  const [uidValidity = '', set = ''] = code?.name === 'APPENDUID' ? code.args : [];
  const ranges = parseSet(set);
  if (!/^[1-9]\d*$/.test(uidValidity) || ranges === null) return nothing;
  if (ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0) !== count) return nothing;
  return ranges.flatMap(([first, last]) =>
    Array.from({ length: last - first + 1 }, (_, at) => ({ uidValidity, uid: first + at })),
  );
}
