import type { Element } from '@xmldom/xmldom';
import { type PropertyPath, propertyPath } from './property-path.ts';
import { schemaFault } from './refusal.ts';
import { childrenByName } from './schema.ts';
import { childElements, textOf } from './xml.ts';

/** What of an item or a folder is to be told: `ItemShape`, `FolderShape`. */
export interface Shape {
  readonly base: 'IdOnly' | 'Default' | 'AllProperties';
  readonly withMime: boolean;
  readonly additional: readonly PropertyPath[];
}

/** @throws Refusal ErrorSchemaValidation, EwsError ErrorInvalidExtendedProperty */
export function shapeOf(element: Element | undefined, type: 'ItemShape' | 'FolderShape'): Shape {
  if (element === undefined) return { base: 'IdOnly', withMime: false, additional: [] };
  const children = childrenByName(element, type);
  const first = (name: string) => children.get(name)?.[0] ?? null;
  const base = (['IdOnly', 'Default', 'AllProperties'] as const).find((each) => each === textOf(first('BaseShape')));
  if (base === undefined) {
    throw schemaFault(`The 'BaseShape' element is invalid - The value '${textOf(first('BaseShape'))}' is invalid.`);
  }
  const additional = first('AdditionalProperties');
  return {
    base,
    withMime: textOf(first('IncludeMimeContent')) === 'true',
    additional: additional === null ? [] : childElements(additional).map(propertyPath),
  };
}
