/** A MAPI property as Graph names it (learn.microsoft.com/graph/api/resources/singlevaluelegacyextendedproperty). */
export interface PropertyId {
  readonly type: PropertyType;
  /** One spelling for all fronts, e.g. `Integer 0x0E07`, `String {guid} Name mailferry-key`, `Integer {guid} Id 0x8570`. */
  readonly canonical: string;
  /** As answers spell it: numbers in lower case without leading zeros (recalled), names as they are. */
  readonly shown: string;
}

export const PROPERTY_TYPES = [
  'String',
  'Integer',
  'Long',
  'Short',
  'Boolean',
  'SystemTime',
  'Double',
  'Binary',
  'CLSID',
] as const;
export type PropertyType = (typeof PROPERTY_TYPES)[number];

const GUID = /^\{([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\}$/i;

/** @returns null for what Graph would not understand. The name is case-sensitive, the rest is not (exchange.md §3). */
export function parsePropertyId(text: string): PropertyId | null {
  const [typeName, first = '', kind, ...rest] = text.split(' ');
  const type = PROPERTY_TYPES.find((one) => one === typeName);
  if (type === undefined) return null;
  if (kind === undefined) {
    const tag = hexOf(first, 0xffff);
    if (tag === null) return null;
    return { type, canonical: `${type} ${fourDigits(tag)}`, shown: `${type} 0x${tag.toString(16)}` };
  }
  const guid = GUID.exec(first)?.[1]?.toLowerCase();
  const value = rest.join(' ');
  if (guid === undefined || value === '') return null;
  if (kind === 'Name') {
    const same = `${type} {${guid}} Name ${value}`;
    return { type, canonical: same, shown: same };
  }
  const lid = kind === 'Id' ? hexOf(value, 0xffff) : null;
  if (lid === null) return null;
  return {
    type,
    canonical: `${type} {${guid}} Id ${fourDigits(lid)}`,
    shown: `${type} {${guid}} Id 0x${lid.toString(16)}`,
  };
}

function hexOf(text: string, max: number): number | null {
  const digits = /^0x([0-9a-f]{1,8})$/i.exec(text)?.[1];
  const value = digits === undefined ? max + 1 : Number.parseInt(digits, 16);
  return value <= max ? value : null;
}

function fourDigits(value: number): string {
  return `0x${value.toString(16).toUpperCase().padStart(4, '0')}`;
}

/** Whether a text is a value of the type; Graph carries all of them as text. */
export function isValueOf(type: PropertyType, value: string): boolean {
  switch (type) {
    case 'Integer':
    case 'Short':
    case 'Long':
      return /^-?\d{1,19}$/.test(value);
    case 'Double':
      return value.trim() !== '' && Number.isFinite(Number(value));
    case 'Boolean':
      return /^(true|false)$/i.test(value);
    case 'SystemTime':
      return /^\d{4}-\d\d-\d\dT/.test(value) && !Number.isNaN(Date.parse(value));
    case 'CLSID':
    case 'Binary':
    case 'String':
      return true;
  }
}
