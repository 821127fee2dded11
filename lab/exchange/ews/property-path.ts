import type { Element } from '@xmldom/xmldom';
import { EwsError, schemaFault } from './refusal.ts';
import { xml } from './xml.ts';

export const PROPERTY_TYPES = [
  'Boolean',
  'Integer',
  'Long',
  'Short',
  'Double',
  'String',
  'SystemTime',
  'Binary',
  'CLSID',
] as const;
export type PropertyType = (typeof PROPERTY_TYPES)[number];

/** What a request asks for: a field of EWS's own, or a MAPI property. */
export type PropertyPath =
  | { readonly kind: 'field'; readonly uri: string }
  | {
      readonly kind: 'extended';
      /** In Graph's spelling, which is the key of Item.properties, so that all fronts mean the same property. */
      readonly id: string;
      readonly type: PropertyType;
      /** As an answer repeats it. */
      readonly attributes: Readonly<Record<string, string>>;
    };

/** DistinguishedPropertySetType; the sets that mail has to do with. */
const PROPERTY_SETS: Readonly<Record<string, string>> = {
  PublicStrings: '00020329-0000-0000-c000-000000000046',
  InternetHeaders: '00020386-0000-0000-c000-000000000046',
  Common: '00062008-0000-0000-c000-000000000046',
};
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * `FieldURI` or `ExtendedFieldURI`.
 * @throws Refusal ErrorSchemaValidation, EwsError ErrorInvalidExtendedProperty
 */
export function propertyPath(element: Element): PropertyPath {
  switch (element.localName) {
    case 'FieldURI': {
      const uri = element.getAttribute('FieldURI') ?? '';
      if (!/^(item|message|folder):[A-Z]\w+$/.test(uri)) {
        throw schemaFault(
          `The 'FieldURI' attribute is invalid - The value '${uri}' is invalid - The Enumeration constraint failed.`,
        );
      }
      return { kind: 'field', uri };
    }
    case 'ExtendedFieldURI':
      return extended(element);
    default:
      throw schemaFault(`The element '${element.localName}' is no path to a property.`);
  }
}

export function pathXml(path: PropertyPath): string {
  return path.kind === 'field' ? xml('t:FieldURI', { FieldURI: path.uri }) : xml('t:ExtendedFieldURI', path.attributes);
}

/** A tag of its own, or a set with a name or a number, and never both (ewsdocs, `extendedfielduri.md`). */
function extended(element: Element): PropertyPath {
  const attribute = (name: string) => element.getAttribute(name);
  const type = PROPERTY_TYPES.find((each) => each === attribute('PropertyType'));
  if (type === undefined) throw schemaFault("The 'PropertyType' attribute is missing or invalid.");
  const tag = attribute('PropertyTag');
  const setId = attribute('PropertySetId');
  const distinguished = attribute('DistinguishedPropertySetId');
  const name = attribute('PropertyName');
  const number = attribute('PropertyId');
  const sets = [setId, distinguished].filter((each) => each !== null).length;
  if (tag !== null) {
    const value = Number(tag);
    if (sets > 0 || name !== null || number !== null) throw new EwsError('ErrorInvalidExtendedProperty');
    // From 0x8000 on are named properties, which have no number of their own (ewsdocs, `extendedfielduri.md`).
    if (!/^(0x[0-9a-f]{1,4}|\d{1,5})$/i.test(tag) || value >= 0x8000)
      throw new EwsError('ErrorInvalidExtendedProperty');
    const attributes = { PropertyTag: `0x${value.toString(16)}`, PropertyType: type };
    return { kind: 'extended', id: `${type} 0x${hex(value)}`, type, attributes };
  }
  const set = setId ?? PROPERTY_SETS[distinguished ?? ''];
  if (sets !== 1 || set === undefined || !GUID.test(set) || (name === null) === (number === null)) {
    throw new EwsError('ErrorInvalidExtendedProperty');
  }
  const guid = set.toLowerCase();
  const place = setId === null ? { DistinguishedPropertySetId: distinguished ?? '' } : { PropertySetId: guid };
  const attributes = {
    ...place,
    ...(name === null ? { PropertyId: number ?? '' } : { PropertyName: name }),
    PropertyType: type,
  };
  // `Name` is case-sensitive (exchange.md §3).
  const id = name === null ? `${type} {${guid}} Id 0x${hex(Number(number))}` : `${type} {${guid}} Name ${name}`;
  return { kind: 'extended', id, type, attributes };
}

function hex(value: number): string {
  return value.toString(16).toUpperCase().padStart(4, '0');
}
