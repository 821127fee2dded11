/** A piece of an address field (RFC 5322 §3.4). `text` holds words and blanks, `special` one of `,` `:` `;` or a stray bracket. */
export interface AddressToken {
  readonly kind: 'quoted' | 'comment' | 'angle' | 'special' | 'text';
  /** As it stands there, with its quotes, parentheses or angle brackets. */
  readonly value: string;
  /** False where the closing quote, parenthesis or bracket is missing. */
  readonly closed: boolean;
}

/** What ends a text, or an encoded word, in which none of these means anything: programs leave commas in there, against RFC 2047 §5. */
const OPENERS = /=\?[^? \t\r\n]{1,80}\?[bq]\?[!->@-~]*\?=|["(<,:;>)]/gi;

/** Cuts an address field up; put together, the pieces are the field. Linear, and no depth of comments overflows it. */
export function addressTokens(value: string): AddressToken[] {
  const tokens: AddressToken[] = [];
  const push = (kind: AddressToken['kind'], start: number, end: number, closed = true) => {
    if (end > start) tokens.push({ kind, value: value.slice(start, end), closed });
    return end;
  };
  for (let at = 0; at < value.length; ) {
    at = push('text', at, nextOpener(value, at));
    const first = value[at];
    if (first === '"') at = push('quoted', at, ...closing(value, at, '"', null));
    else if (first === '(') at = push('comment', at, ...closing(value, at, ')', '('));
    else if (first === '<') at = push('angle', at, ...closing(value, at, '>', null));
    else if (first !== undefined) at = push('special', at, at + 1);
  }
  return tokens;
}

function nextOpener(value: string, from: number): number {
  OPENERS.lastIndex = from;
  for (let match = OPENERS.exec(value); match !== null; match = OPENERS.exec(value)) {
    if (match[0].length === 1) return match.index;
  }
  return value.length;
}

/** What is inside the quotes or parentheses, without backslashes. */
export function innerText({ value, closed }: AddressToken): string {
  return value.slice(1, closed ? -1 : undefined).replace(/\\([\s\S])/g, '$1');
}

function closing(value: string, from: number, close: string, open: string | null): [end: number, closed: boolean] {
  let depth = 1;
  for (let at = from + 1; at < value.length; at += 1) {
    const character = value[at];
    if (character === '\\') at += 1;
    else if (character === close) depth -= 1;
    else if (character === open) depth += 1;
    if (depth === 0) return [at + 1, true];
  }
  return [value.length, false];
}

export interface Mailbox {
  /** One character a byte, encoded words as they are; empty where there is none. */
  readonly name: string;
  readonly address: string;
}

/** An address that needs no quotes, so that it can be written anywhere. */
const PLAIN_ADDRESS = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,100}@[A-Za-z0-9.-]{1,253}$/;

/** The mailboxes of an address field. Those whose address is none are left out, and so are the names of groups. */
export function readMailboxes(value: string): Mailbox[] {
  const mailboxes: Mailbox[] = [];
  let name = '';
  let address = '';
  const end = () => {
    const bare = name.replace(/[ \t]+/g, ' ').trim();
    if (PLAIN_ADDRESS.test(address)) mailboxes.push({ name: bare, address });
    else if (address === '' && PLAIN_ADDRESS.test(bare)) mailboxes.push({ name: '', address: bare });
    name = '';
    address = '';
  };
  for (const token of addressTokens(value)) {
    if (token.kind === 'angle') address = innerText(token).trim();
    else if (token.kind === 'quoted') name += innerText(token);
    else if (token.kind === 'text') name += token.value;
    else if (token.value === ':') name = '';
    else if (token.value === ',' || token.value === ';') end();
  }
  end();
  return mailboxes;
}
