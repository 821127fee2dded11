/**
 * Search attributes exist at a Temporal server before a workflow may carry them.
 */
import type { Connection } from '@temporalio/client';

export type SearchAttributeType = 'Text' | 'Keyword' | 'Int' | 'Double' | 'Bool' | 'Datetime' | 'KeywordList';

/** temporal.api.enums.v1.IndexedValueType */
const WIRE_TYPES = { Text: 1, Keyword: 2, Int: 3, Double: 4, Bool: 5, Datetime: 6, KeywordList: 7 } as const;

/**
 * Adds the search attributes that a namespace lacks. Twice is the same as once. The development server's own option makes them
 * only together with its database file (measured with server 1.32.0), so one that a later version of ours brings is added here.
 * Temporal Cloud refuses the call: there, they are made in its console or by `tcld`.
 *
 * @returns whether all of them are there already; where not, the next call tells whether they have arrived.
 */
export async function ensureSearchAttributes(
  connection: Connection,
  namespace: string,
  wanted: Readonly<Record<string, SearchAttributeType>>,
): Promise<boolean> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const missing = Object.entries(wanted).filter(([name]) => !Object.hasOwn(customAttributes, name));
  if (missing.length === 0) return true;
  const searchAttributes = Object.fromEntries(missing.map(([name, type]) => [name, WIRE_TYPES[type]]));
  await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
  return false;
}
