/** One field with the place where it begins; lines and columns count from 1. */
export interface CsvField {
  readonly value: string;
  readonly line: number;
  readonly column: number;
}

export interface CsvFault {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

const DELIMITERS = [';', ',', '\t'] as const;

/**
 * Reads CSV as Excel saves it: byte order mark, `sep=` line, semicolons or commas or tabs, quotes (doubled inside), CRLF.
 * Written here rather than taken from a library because every fault has to name its line **and** column, and those know only lines.
 */
export function readCsv(input: string): { rows: CsvField[][]; faults: CsvFault[] } {
  const text = input.replace(/^\uFEFF/, '');
  const declared = /^sep=(.)\r?\n/i.exec(text);
  const delimiter = declared?.[1] ?? detectDelimiter(text);
  const rows: CsvField[][] = [];
  const faults: CsvFault[] = [];
  let at = declared?.[0].length ?? 0;
  let line = declared === null ? 1 : 2;
  let lineStart = at;
  let row: CsvField[] = [];

  const endRow = (): void => {
    if (row.some((field) => field.value.trim() !== '')) rows.push(row);
    row = [];
  };
  while (at < text.length) {
    const begin = { line, column: at - lineStart + 1 };
    let value = '';
    if (text[at] === '"') {
      at += 1;
      for (;;) {
        const quote = text.indexOf('"', at);
        const chunk = text.slice(at, quote === -1 ? undefined : quote);
        for (const end of chunk.matchAll(/\r\n|\n|\r/g)) {
          line += 1;
          lineStart = at + end.index + end[0].length;
        }
        value += chunk;
        if (quote === -1) {
          faults.push({ ...begin, message: 'this quoted field has no closing quote.' });
          at = text.length;
          break;
        }
        at = quote + 1;
        if (text[at] !== '"') break;
        value += '"';
        at += 1;
      }
      const rest = restOfField(text, at, delimiter);
      if (rest.trim() !== '') {
        faults.push({ line, column: at - lineStart + 1, message: 'there is text after the closing quote of a field.' });
      }
      at += rest.length;
    } else {
      value = restOfField(text, at, delimiter);
      at += value.length;
    }
    row.push({ value, ...begin });
    const end = /^(\r\n|\n|\r)/.exec(text.slice(at, at + 2));
    if (end !== null || at >= text.length) {
      endRow();
      at += end?.[0].length ?? 0;
      line += 1;
      lineStart = at;
    } else {
      at += 1; // the delimiter
      if (at >= text.length) {
        row.push({ value: '', line, column: at - lineStart + 1 });
        endRow();
      }
    }
  }
  return { rows, faults };
}

function restOfField(text: string, at: number, delimiter: string): string {
  let end = at;
  while (end < text.length && text[end] !== delimiter && text[end] !== '\n' && text[end] !== '\r') end += 1;
  return text.slice(at, end);
}

/** The delimiter that the header line has most of, outside quotes. */
function detectDelimiter(text: string): string {
  const header = (/^[^\r\n]*/.exec(text)?.[0] ?? '').replace(/"[^"]*"/g, '');
  let best: string = ';';
  let most = 0;
  for (const candidate of DELIMITERS) {
    const count = header.split(candidate).length - 1;
    if (count > most) {
      best = candidate;
      most = count;
    }
  }
  return best;
}
