/** What the demo prints: one line as a thing happens, with the time since the start. */
export class Screen {
  readonly #started = performance.now();
  readonly #colour: boolean;

  constructor(colour = process.stdout.isTTY === true && !process.env['NO_COLOR']) {
    this.#colour = colour;
  }

  title(text: string): void {
    this.#write(`\n${this.#paint('1', text)}\n`);
  }

  /** @param who the party that acted, or a step's id */
  line(who: string, text: string): void {
    const seconds = ((performance.now() - this.#started) / 1_000).toFixed(1).padStart(6);
    this.#write(`${this.#paint('2', `${seconds}s`)}  ${this.#paint('36', who.padEnd(9))} ${text}\n`);
  }

  detail(text: string): void {
    for (const line of text.split('\n')) this.#write(`${' '.repeat(19)}${this.#paint('2', line)}\n`);
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

  #paint(code: string, text: string): string {
    return this.#colour ? `\u001B[${code}m${text}\u001B[0m` : text;
  }

  #write(text: string): void {
    process.stdout.write(text);
  }
}
