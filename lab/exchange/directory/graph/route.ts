import type { Role } from '../../identity/roles.ts';
import { badRequest, graphRefusal, type Refusal } from '../../refusal.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { TenantState } from '../state.ts';

export interface GraphRequest {
  readonly method: string;
  /** Below `/v1.0`, decoded. */
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
  readonly body: unknown;
  /** Where the next page is: scheme, host and path. */
  readonly here: string;
}

export interface GraphAnswer {
  readonly status: number;
  readonly body: object | null;
}

export interface GraphWorld {
  readonly state: TenantState;
  readonly lifecycle: Lifecycle;
  readonly countryCode: string;
  /** Host to which mail for the tenant is sent. */
  readonly mailHost: string;
}

export interface GraphRoute {
  /** Application permissions of which one is needed (learn.microsoft.com/graph/permissions-reference, least first). */
  readonly roles: readonly Role[];
  answer(request: GraphRequest, world: GraphWorld, id: string): GraphAnswer;
}

/** By method and path, `GET users/{id}`. */
export type GraphRoutes = Readonly<Record<string, GraphRoute>>;

/** Graph's default page; `$top` up to 999 changes it. */
const PAGE = 100;

/** @param rows  all that there are */
export function page({ query, here }: GraphRequest, rows: readonly object[]): GraphAnswer {
  const top = query.get('$top');
  const size = top === null ? PAGE : Number(top);
  if (!Number.isInteger(size) || size < 1 || size > 999) {
    throw graphRefusal(400, 'Request_BadRequest', `Invalid page size specified: '${top}'. Must be between 1 and 999.`);
  }
  const from = Number(query.get('$skiptoken') ?? 0);
  const value = rows.slice(from, from + size);
  if (from + size >= rows.length) return { status: 200, body: { value } };
  const next = new URLSearchParams(query);
  next.set('$skiptoken', String(from + size));
  return { status: 200, body: { value, '@odata.nextLink': `${here}?${next.toString()}` } };
}

/** Properties that a type has not are refused by name, as Graph does. */
export function select(
  type: string,
  all: Readonly<Record<string, unknown>>,
  query: URLSearchParams,
  byDefault: readonly string[],
): Record<string, unknown> {
  const wanted = query.get('$select')?.split(',') ?? byDefault;
  const unknown = wanted.find((field) => !(field in all));
  if (unknown !== undefined) {
    throw badRequest(`Could not find a property named '${unknown}' on type 'microsoft.graph.${type}'.`);
  }
  return Object.fromEntries(wanted.map((field) => [field, all[field]]));
}

export function readBody(body: unknown, known: readonly string[]): Record<string, unknown> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw badRequest('Empty Payload. JSON content expected.');
  }
  const unknown = Object.keys(body).find((name) => !known.includes(name));
  if (unknown !== undefined) throw badRequest(`Invalid property '${unknown}'.`);
  return body as Record<string, unknown>;
}

export function notFound(id: string): Refusal {
  return graphRefusal(
    404,
    'Request_ResourceNotFound',
    `Resource '${id}' does not exist or one of its queried reference-property objects are not present.`,
  );
}
