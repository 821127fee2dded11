import type { Element } from '@xmldom/xmldom';
import { type PropertyPath, propertyPath } from './property-path.ts';
import { EwsError, schemaFault } from './refusal.ts';
import { childElements } from './xml.ts';

/** Reads the value of a path from whatever is searched; null where it has none. */
export type Reader = (path: PropertyPath) => string | null;

/** "This error occurs if the restriction contains more than 255 nodes" (ewsdocs, `responsecode.md`). */
const MOST_NODES = 255;
const COMPARISONS: Readonly<Record<string, (order: number) => boolean>> = {
  IsEqualTo: (order) => order === 0,
  IsNotEqualTo: (order) => order !== 0,
  IsGreaterThan: (order) => order > 0,
  IsGreaterThanOrEqualTo: (order) => order >= 0,
  IsLessThan: (order) => order < 0,
  IsLessThanOrEqualTo: (order) => order <= 0,
};

/**
 * `Restriction` as a predicate.
 * @throws EwsError ErrorRestrictionTooLong, Refusal ErrorSchemaValidation
 */
export function restrictionOf(element: Element | undefined): (read: Reader) => boolean {
  if (element === undefined) return () => true;
  const nodes = { count: 0 };
  const [only, ...more] = childElements(element);
  if (only === undefined || more.length > 0) throw schemaFault("The element 'Restriction' takes one expression.");
  return expression(only, nodes);
}

function expression(element: Element, nodes: { count: number }): (read: Reader) => boolean {
  nodes.count += 1;
  if (nodes.count > MOST_NODES) throw new EwsError('ErrorRestrictionTooLong');
  const name = element.localName ?? '';
  const children = childElements(element);
  switch (name) {
    case 'And':
    case 'Or': {
      if (children.length < 2) throw schemaFault(`The element '${name}' has incomplete content.`);
      const parts = children.map((child) => expression(child, nodes));
      return (read) => (name === 'And' ? parts.every((part) => part(read)) : parts.some((part) => part(read)));
    }
    case 'Not': {
      const [inner] = children.map((child) => expression(child, nodes));
      if (inner === undefined) throw schemaFault("The element 'Not' has incomplete content.");
      return (read) => !inner(read);
    }
    case 'Exists': {
      const path = pathIn(children[0], name);
      return (read) => read(path) !== null;
    }
    default:
      return comparison(name, children);
  }
}

function comparison(name: string, [pathElement, operand]: Element[]): (read: Reader) => boolean {
  const holds = COMPARISONS[name];
  if (holds === undefined) throw schemaFault(`The element '${name}' is no search expression.`);
  const path = pathIn(pathElement, name);
  const constant = operand === undefined ? undefined : childElements(operand)[0];
  const wanted = constant?.getAttribute('Value') ?? null;
  if (operand?.localName !== 'FieldURIOrConstant' || constant?.localName !== 'Constant' || wanted === null) {
    throw schemaFault(`The element '${name}' has incomplete content.`);
  }
  return (read) => {
    const value = read(path);
    return value !== null && holds(compare(value, wanted, path));
  };
}

function pathIn(element: Element | undefined, name: string): PropertyPath {
  if (element === undefined) throw schemaFault(`The element '${name}' has incomplete content.`);
  return propertyPath(element);
}

/** Numbers as numbers, times as times; text without regard to case, as Exchange does (exchange.md §3). */
export function compare(one: string, other: string, path: PropertyPath): number {
  const type = path.kind === 'extended' ? path.type : fieldType(path.uri);
  switch (type) {
    case 'Integer':
    case 'Long':
    case 'Short':
    case 'Double':
      return Number(one) - Number(other);
    case 'SystemTime':
      return Date.parse(one) - Date.parse(other);
    default:
      return one.localeCompare(other, 'en', { sensitivity: 'accent' });
  }
}

function fieldType(uri: string): 'Integer' | 'SystemTime' | 'String' {
  if (/:DateTime/.test(uri)) return 'SystemTime';
  return /:(Size|\w+Count)$/.test(uri) ? 'Integer' : 'String';
}
