/** What the demo prints: one line as a thing happens, with the time since the start. */
export class Screen {
  readonly #started = performance.now();
  readonly #colour: boolean;
  readonly #columns: number;
  readonly #write: (text: string) => void;

  /** @param columns lines are folded there, so that what hangs over stays under its text; Infinity for files and pipes. */
  constructor({
    colour = process.stdout.isTTY === true && !process.env['NO_COLOR'],
    columns = process.stdout.isTTY === true ? process.stdout.columns : Number.POSITIVE_INFINITY,
    write = (text: string): void => void process.stdout.write(text),
  } = {}) {
    this.#colour = colour;
    this.#columns = columns;
    this.#write = write;
  }

  title(text: string): void {
    this.#write(`\n${this.#paint('1', text)}\n`);
  }

  /** @param who the party that acted, or a step's id */
  line(who: string, text: string): void {
    const seconds = ((performance.now() - this.#started) / 1_000).toFixed(1).padStart(6);
    const [first = '', ...more] = this.#fold(text, INDENT);
    this.#write(`${this.#paint('2', `${seconds}s`)}  ${this.#paint('36', who.padEnd(WHO))} ${first}\n`);
    for (const line of more) this.#write(`${' '.repeat(INDENT)}${line}\n`);
  }

  detail(text: string): void {
    for (const line of text.split('\n')) {
      const [first = '', ...more] = this.#fold(line, INDENT + 2);
      this.#write(`${' '.repeat(INDENT)}${this.#paint('2', first)}\n`);
      for (const piece of more) this.#write(`${' '.repeat(INDENT + 2)}${this.#paint('2', piece)}\n`);
    }
  }

  good(text: string): void {
    this.#write(`${this.#paint('32', text)}\n`);
  }

  bad(text: string): void {
    this.#write(`${this.#paint('31', text)}\n`);
  }

  plain(text: string): void {
    this.#write(`${text}\n`);
  }

  /** Columns sized by their widest cell; numbers to the right. */
  table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
    const widths = head.map((name, column) =>
      Math.max(name.length, ...rows.map((row) => String(row[column] ?? '').length)),
    );
    const render = (row: readonly (string | number)[]) =>
      row
        .map((cell, column) => {
          const width = widths[column] ?? 0;
          return typeof cell === 'number' ? String(cell).padStart(width) : cell.padEnd(width);
        })
        .join('  ')
        .trimEnd();
    this.#write(
      `  ${this.#paint('1', render(head.map((name, column) => (typeof rows[0]?.[column] === 'number' ? name.padStart(widths[column] ?? 0) : name))))}\n`,
    );
    for (const row of rows) this.#write(`  ${render(row)}\n`);
  }

  /** At spaces; what has none, like an address of a page, is left whole so that it can be clicked. */
  #fold(text: string, indent: number): string[] {
    const width = Math.max(this.#columns - indent, 30);
    const lines: string[] = [];
    let line = '';
    for (const word of text.split(' ')) {
      if (line !== '' && line.length + 1 + word.length > width) {
        lines.push(line);
        line = word;
      } else line = line === '' ? word : `${line} ${word}`;
    }
    return [...lines, line];
  }

  #paint(code: string, text: string): string {
    return this.#colour ? `\u001B[${code}m${text}\u001B[0m` : text;
  }
}

const WHO = 9;
/** Seconds, who, and the spaces between. */
const INDENT = 7 + 2 + WHO + 1;
