/** A command that ends with NO or BAD; `text` is the tagged answer without the tag. It never leaves the server. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly text: string;

  constructor(text: string) {
    super(text);
    this.text = text;
  }
}
