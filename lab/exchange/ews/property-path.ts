import type { Element } from '@xmldom/xmldom';
import { PROPERTY_TYPES, type PropertyType, parsePropertyId } from '../mail/property-id.ts';
import { EwsError, schemaFault } from './refusal.ts';
import { xml } from './xml.ts';

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
    // From 0x8000 on are named properties, which have no number of their own (ewsdocs, `extendedfielduri.md`).
    const value = /^(0x[0-9a-f]{1,4}|\d{1,5})$/i.test(tag) ? Number(tag) : 0x8000;
    if (sets > 0 || name !== null || number !== null || value >= 0x8000) {
      throw new EwsError('ErrorInvalidExtendedProperty');
    }
    const attributes = { PropertyTag: `0x${value.toString(16)}`, PropertyType: type };
    return { kind: 'extended', id: canonical(`${type} 0x${value.toString(16)}`), type, attributes };
  }
  const set = setId ?? PROPERTY_SETS[distinguished ?? ''];
  if (sets !== 1 || set === undefined || (name === null) === (number === null)) {
    throw new EwsError('ErrorInvalidExtendedProperty');
  }
  const place: Record<string, string> =
    setId === null ? { DistinguishedPropertySetId: distinguished ?? '' } : { PropertySetId: set.toLowerCase() };
  const within = name === null ? `Id 0x${Number(number).toString(16)}` : `Name ${name}`;
  const attributes = { ...place, ...(name === null ? { PropertyId: number ?? '' } : { PropertyName: name }) };
  const id = canonical(`${type} {${set}} ${within}`);
  return { kind: 'extended', id, type, attributes: { ...attributes, PropertyType: type } };
}

/** @throws EwsError ErrorInvalidExtendedProperty */
function canonical(text: string): string {
  const parsed = parsePropertyId(text);
  if (parsed === null) throw new EwsError('ErrorInvalidExtendedProperty');
  return parsed.canonical;
}
