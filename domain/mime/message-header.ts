import { type Field, fieldsOf } from './fields.ts';
import { Lines } from './lines.ts';
import { afterMboxLines } from './mbox-line.ts';

/** The fields of the message itself. Only the header is read, however large the message is. */
export function messageFields(raw: Buffer): Field[] {
  const start = afterMboxLines(raw);
  const lines = new Lines(raw, start);
  while (lines.advance() && lines.end > lines.start);
  return fieldsOf(raw, start, lines.start);
}
