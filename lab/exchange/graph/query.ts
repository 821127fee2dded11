import type { HttpAnswer } from '../front.ts';
import { type PropertyId, parsePropertyId } from '../mail/property-id.ts';
import { graphRefusal } from '../refusal.ts';
import type { MailCall } from './mailbox.ts';

const OPTIONS = ['$filter', '$select', '$expand', '$top', '$skip', '$orderby', '$count', '$skiptoken', '$deltatoken'];
const PLAIN_OPTIONS = ['includehiddenfolders'];
const DEFAULT_PAGE = 10;
const MAX_PAGE = 1_000;

/** @throws Refusal 400 for an option that Graph does not know or the lab has not got */
export function checkOptions({ query }: MailCall): void {
  for (const name of query.keys()) {
    const known = OPTIONS.includes(name.toLowerCase()) || PLAIN_OPTIONS.includes(name.toLowerCase());
    if (!known) throw graphRefusal(400, 'BadRequest', `The query option '${name}' is not supported.`);
  }
}

export interface Page {
  readonly skip: number;
  readonly top: number;
}

/** Ten to a page unless `$top` says otherwise (exchange.md §3). */
export function pageOf({ query, headers }: MailCall): Page {
  const preferred = /odata\.maxpagesize=(\d+)/i.exec(headers['prefer'] ?? '')?.[1];
  const top = numberOf(query.get('$top') ?? preferred ?? null, '$top', DEFAULT_PAGE);
  return { top: Math.min(top, MAX_PAGE), skip: numberOf(query.get('$skip'), '$skip', 0) };
}

function numberOf(text: string | null, name: string, absent: number): number {
  if (text === null) return absent;
  const value = /^\d+$/.test(text) ? Number(text) : -1;
  if (value < 0 || (name === '$top' && value === 0)) {
    throw graphRefusal(400, 'BadRequest', `Invalid value '${text}' for ${name} query option found.`);
  }
  return value;
}

/** One page of rows, with the link to the next where there is one. */
export async function collection<Row>(
  call: MailCall,
  rows: readonly Row[],
  view: (row: Row) => object | Promise<object>,
): Promise<HttpAnswer> {
  const { skip, top } = pageOf(call);
  const value: object[] = [];
  for (const row of rows.slice(skip, skip + top)) value.push(await view(row));
  const next = skip + top < rows.length ? linkTo(call, { $skip: String(skip + top), $top: String(top) }) : undefined;
  return {
    status: 200,
    body: {
      '@odata.context': `${call.origin}/${call.version}/$metadata#users`,
      ...(call.query.get('$count') === 'true' && { '@odata.count': rows.length }),
      value,
      ...(next !== undefined && { '@odata.nextLink': next }),
    },
  };
}

/** The same question with other options. */
export function linkTo(
  { origin, path, query }: Pick<MailCall, 'origin' | 'path' | 'query'>,
  changes: Readonly<Record<string, string>>,
): string {
  const all = new URLSearchParams([...query].filter(([name]) => !(name in changes)));
  for (const [name, value] of Object.entries(changes)) all.set(name, value);
  return `${origin}${path}?${all.toString()}`;
}

/** Names in `$select`; null where there is none. @throws Refusal 400 for a name that the type has not */
export function selectOf({ query }: MailCall, type: string, known: ReadonlySet<string>): string[] | null {
  const text = query.get('$select');
  if (text === null) return null;
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !known.has(name));
  if (unknown === undefined) return names;
  throw graphRefusal(
    400,
    'RequestBroker--ParseUri',
    `Could not find a property named '${unknown}' on type 'microsoft.graph.${type}'.`,
  );
}

export interface Expansion {
  /** Of `singleValueExtendedProperties($filter=id eq '…' or id eq '…')`. */
  readonly properties: readonly PropertyId[];
  readonly attachments: boolean;
}

/** @throws Refusal 400 for what cannot be expanded; without the filter no property comes (exchange.md §3) */
export function expandOf({ query }: MailCall): Expansion {
  const text = query.get('$expand');
  if (text === null) return { properties: [], attachments: false };
  const properties: PropertyId[] = [];
  let attachments = false;
  for (const part of splitOutside(text)) {
    const filter = /^singleValueExtendedProperties\s*\(\s*\$filter\s*=\s*([\s\S]+)\)$/i.exec(part)?.[1];
    if (part === 'attachments') attachments = true;
    else if (filter !== undefined) properties.push(...idsIn(filter));
    else throw graphRefusal(400, 'BadRequest', `The expand clause '${part}' is not understood.`);
  }
  return { properties, attachments };
}

function idsIn(filter: string): PropertyId[] {
  return filter.split(/\s+or\s+/i).map((clause) => {
    const text = /^\(?\s*id\s+eq\s+'((?:[^']|'')*)'\s*\)?$/i.exec(clause.trim())?.[1]?.replaceAll("''", "'");
    const id = text === undefined ? null : parsePropertyId(text);
    if (id !== null) return id;
    throw graphRefusal(400, 'ErrorInvalidUrlQueryFilter', 'The extended property of the expand clause is not valid.');
  });
}

/** At commas outside parentheses and quotes. */
function splitOutside(text: string): string[] {
  const parts = text.match(/(?:[^,('"]|'(?:[^']|'')*'|\((?:[^()']|'(?:[^']|'')*'|\([^)]*\))*\))+/g) ?? [];
  return parts.map((part) => part.trim());
}
