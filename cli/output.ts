/** Where a command writes and what the place can show. Tests hand in strings. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  out(text: string): void;
  err(text: string): void;
  /** A person looks: colours and lines that are written over are fine. */
  readonly isTerminal: boolean;
  /** Columns of the terminal; tables are not cut where nobody looks. */
  readonly width: number | null;
  readonly signal: AbortSignal;
}

const COLOURS = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 } as const;
export type Colour = keyof typeof COLOURS;

/** https://no-color.org: any value but the empty one switches colours off. */
export function paint(io: Io, colour: Colour, text: string): string {
  return io.isTerminal && !io.env['NO_COLOR'] ? `\u001b[${COLOURS[colour]}m${text}\u001b[0m` : text;
}

/** Names come from strangers: what could drive a terminal, or turn a line around, is taken out. */
export function printable(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, '');
}

/** Cells of a terminal: East Asian wide and emoji take two, combining marks none (Unicode TR 11, by blocks). */
export function widthOf(text: string): number {
  let width = 0;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    width +=
      /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}]/u.test(
        segment,
      )
        ? 2
        : 1;
  }
  return width;
}

/** Cuts to at most `width` cells; what was cut shows as `…`. */
export function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let cut = '';
  let used = 0;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    const next = widthOf(segment);
    if (used + next > width - 1) break;
    cut += segment;
    used += next;
  }
  return `${cut}…`;
}

export type Cell = string | number;

const GAP = 2;
const NARROWEST = 8;

/** Renders a table; numbers stand right. On a terminal the widest columns give way until it fits. */
export function renderTable(io: Io, header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const texts = [
    header,
    ...rows.map((row) => row.map((cell) => printable(typeof cell === 'number' ? String(cell) : cell))),
  ];
  const widths = header.map((_, column) => Math.max(...texts.map((row) => widthOf(row[column] ?? ''))));
  if (io.width !== null) {
    const room = io.width - GAP * (header.length - 1);
    for (let total = sum(widths); total > room; total = sum(widths)) {
      const widest = widths.indexOf(Math.max(...widths));
      if ((widths[widest] ?? 0) <= NARROWEST) break;
      widths[widest] = Math.max(NARROWEST, (widths[widest] ?? 0) - (total - room));
    }
  }
  const lines = texts.map((row, index) =>
    row
      .map((text, column) => {
        const width = widths[column] ?? 0;
        const shown = cutTo(text, width);
        const blank = ' '.repeat(Math.max(0, width - widthOf(shown)));
        const isNumber = rows.length > 0 && rows.every((one) => typeof one[column] === 'number');
        return isNumber ? blank + shown : shown + blank;
      })
      .join(' '.repeat(GAP))
      .trimEnd()
      .replace(/^.*$/, (line) => (index === 0 ? paint(io, 'bold', line) : line)),
  );
  return `${lines.join('\n')}\n`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
