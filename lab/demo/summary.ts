import { describeEvidence } from '../../domain/evidence-words.ts';
import { localTime, withLocalTimes } from '../../domain/local-time.ts';
import { addTallies, EMPTY_TALLY, type Tally } from '../../domain/mail.ts';
import { isStepId } from '../../domain/steps.ts';
import { TIME_ZONE } from './people.ts';

const NAMED = 6;

/** The evidence of a gate in a few lines, as the screen has room for. The portal and `gate show` have all of it. */
export function summarise(evidence: unknown): string {
  if (!isRecord(evidence)) return '';
  const lines: string[] = [];
  const mailboxes = Array.isArray(evidence['mailboxes']) ? evidence['mailboxes'].filter(isRecord) : [];
  if (evidence['totals'] !== undefined) {
    const total = mailboxes.reduce<Tally>(
      (sum, mailbox) => addTallies(sum, { ...EMPTY_TALLY, ...tallyOf(mailbox) }),
      EMPTY_TALLY,
    );
    lines.push(
      `evidence: ${mailboxes.length} mailboxes, ${total.source} messages at the source, ${total.copied} copied, ${total.lost} lost, ${total.doubled} doubled`,
    );
  } else {
    const more = mailboxes.length > NAMED ? [`${mailboxes.length - NAMED} more`] : [];
    const named = mailboxes.slice(0, NAMED).map(({ address }) => String(address));
    lines.push(`evidence: ${[...named, ...more].join(', ')}`);
  }
  const steps = isRecord(evidence['steps']) ? evidence['steps'] : {};
  for (const [id, body] of Object.entries(steps)) {
    if (isStepId(id)) lines.push(`${id}: ${withLocalTimes(describeEvidence(id, body), TIME_ZONE)}`);
  }
  const cutover = isRecord(evidence['cutover']) ? evidence['cutover'] : {};
  if (typeof cutover['at'] === 'string') lines.push(`cutover: ${localTime(cutover['at'], TIME_ZONE)}`);
  return lines.join('\n');
}

function tallyOf(mailbox: Readonly<Record<string, unknown>>): Partial<Tally> {
  return Object.fromEntries(Object.keys(EMPTY_TALLY).map((key) => [key, Number(mailbox[key] ?? 0)]));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
