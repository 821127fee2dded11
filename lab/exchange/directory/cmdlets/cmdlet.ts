import { badRequest, cmdletRefusal, type Refusal } from '../../refusal.ts';
import type { TenantState } from '../state.ts';

/** What several cmdlets take. */
export const CONFIRM = { Confirm: 'switch', Force: 'switch' } as const;

/** What a parameter is given as; another type is refused, as PowerShell's binder does. */
export type ParameterKind =
  | 'text'
  | 'switch'
  | 'texts' //   one text or an array of them
  | 'changes' // an array, or a hashtable with Add and Remove (exchange.md §6.2)
  | 'count'
  | 'size'; //   `150MB`, `35 MB`, a number of bytes, `Unlimited`

export type Values = Readonly<Record<string, unknown>>;
export type Row = Readonly<Record<string, unknown>>;

export interface Cmdlet {
  /** Parameters without which it does not run. */
  readonly needs?: Readonly<Record<string, ParameterKind>>;
  readonly takes?: Readonly<Record<string, ParameterKind>>;
  /** @param warn  told beside the answer, in `@adminapi.warnings` (exchange.md §6.2) */
  run(state: TenantState, values: Values, warn: (text: string) => void): readonly Row[];
}

export type Cmdlets = Readonly<Record<string, Cmdlet>>;

/** @throws Refusal in the binder's words: unknown, missing or wrongly typed parameters */
export function bindParameters({ needs = {}, takes = {} }: Cmdlet, values: Values): void {
  for (const [name, value] of Object.entries(values)) {
    const kind = needs[name] ?? takes[name];
    if (kind === undefined) throw binding(`A parameter cannot be found that matches parameter name '${name}'.`);
    if (!isKind(kind, value)) {
      throw binding(`Cannot process argument transformation on parameter '${name}'. Cannot convert value to ${kind}.`);
    }
  }
  const missing = Object.keys(needs).filter((name) => values[name] === undefined || values[name] === '');
  if (missing.length === 0) return;
  throw binding(
    `Cannot process command because of one or more missing mandatory parameters: ${missing.toSorted().join(' ')}.`,
  );
}

export function identityOf(values: Values): string {
  return String(values['Identity'] ?? '');
}

/** A plain list replaces, a hashtable adds and removes (exchange.md §6.3). Entries as they came. */
export interface ListChange {
  readonly replace: readonly string[] | null;
  readonly add: readonly string[];
  readonly remove: readonly string[];
}

export function changeOf(value: unknown): ListChange {
  if (isTexts(value)) return { replace: [value].flat(), add: [], remove: [] };
  const { Add, Remove } = value as { Add?: unknown; Remove?: unknown };
  return { replace: null, add: isTexts(Add) ? [Add].flat() : [], remove: isTexts(Remove) ? [Remove].flat() : [] };
}

export function notFound(identity: string): never {
  throw cmdletRefusal(
    404,
    'Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException',
    `The operation couldn't be performed because object '${identity}' couldn't be found.`,
  );
}

export function alreadyThere(name: string): Refusal {
  return cmdletRefusal(
    409,
    'Microsoft.Exchange.Data.Directory.ADObjectAlreadyExistsException',
    `The name "${name}" is already being used.`,
  );
}

/** A boolean property as it was, unless the call has it. */
export function switchOf(values: Values, name: string, before: boolean): boolean {
  const value = values[name];
  return typeof value === 'boolean' ? value : before;
}

/** A text property as it was, unless the call has it; null clears it. */
export function textOf(values: Values, name: string, before: string | null): string | null {
  const value = values[name];
  if (value === undefined) return before;
  return typeof value === 'string' && value !== '' ? value : null;
}

/** Bytes of `150MB`, `35 MB (36,700,160 bytes)`, `1048576`; infinite of `Unlimited`. */
export function bytesOf(value: unknown): number {
  if (typeof value === 'number') return value;
  const text = String(value).trim();
  if (/^unlimited$/i.test(text)) return Number.POSITIVE_INFINITY;
  const [, count = '0', unit = 'B'] = /^([\d.]+)\s*([KMGT]?B)?/i.exec(text) ?? [];
  return Math.round(Number(count) * 1_024 ** ['B', 'KB', 'MB', 'GB', 'TB'].indexOf(unit.toUpperCase()));
}

/** As Exchange writes sizes: `36 MB (37,748,736 bytes)`. */
export function sizeText(bytes: number): string {
  const [unit, divisor] = bytes >= 1_048_576 ? (['MB', 1_048_576] as const) : (['KB', 1_024] as const);
  return `${Math.round((bytes / divisor) * 100) / 100} ${unit} (${bytes.toLocaleString('en-US')} bytes)`;
}

export function taskRefusal(text: string): Refusal {
  return cmdletRefusal(400, 'Microsoft.Exchange.Configuration.Tasks.RecipientTaskException', text);
}

function binding(text: string): Refusal {
  return cmdletRefusal(400, 'System.Management.Automation.ParameterBindingException', text);
}

function isKind(kind: ParameterKind, value: unknown): boolean {
  if (value === null) return true; // $null clears a property
  switch (kind) {
    case 'text':
      return typeof value === 'string';
    case 'switch':
      return typeof value === 'boolean';
    case 'count':
      return typeof value === 'number' && Number.isInteger(value);
    case 'size':
      return typeof value === 'number' || (typeof value === 'string' && SIZE.test(value));
    case 'texts':
      return isTexts(value);
    case 'changes':
      return isTexts(value) || isHashtable(value);
  }
}

const SIZE = /^(?:unlimited|\d+(?:\.\d+)?\s*(?:B|KB|MB|GB|TB)?(?:\s*\([\d,]+ bytes\))?)$/i;

function isTexts(value: unknown): value is string | string[] {
  return typeof value === 'string' || (Array.isArray(value) && value.every((one) => typeof one === 'string'));
}

/** Without its type a hashtable is an object like any other and is not understood (exchange.md §6.2). */
function isHashtable(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const { '@odata.type': type, ...changes } = value as Record<string, unknown>;
  if (type !== '#Exchange.GenericHashTable') return false;
  const isKnown = Object.entries(changes).every(([key, one]) => (key === 'Add' || key === 'Remove') && isTexts(one));
  if (!isKnown) throw badRequest('A hashtable holds Add and Remove.');
  return true;
}
