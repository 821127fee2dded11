import { type Front, jsonOf } from '../front.ts';
import type { Access } from '../identity/access.ts';
import { graphRefusal } from '../refusal.ts';
import { LICENCES } from './graph/licences.ts';
import { ORGANISATION } from './graph/organisation.ts';
import type { GraphRoutes, GraphWorld } from './graph/route.ts';
import { USERS } from './graph/users.ts';

/** Users, licences, groups, domains of Graph v1.0, strict about names that it does not know (exchange.md §6.1). */
export function graphDirectory({ access, ...world }: GraphWorld & { readonly access: Access }): Front {
  return {
    takes: ({ segments }) => segments[0] === 'v1.0',
    maxBodyBytes: 1024 * 1024,
    nameOf: ({ method, path }) => `${method} ${path}`,
    answer(call) {
      const segments = call.segments.slice(1);
      const [resource = '', id = ''] = segments;
      const route = ROUTES[keyOf(call.method, segments)];
      if (!route) throw graphRefusal(400, 'BadRequest', `Resource not found for the segment '${resource}'.`);
      access.require(call.headers['authorization'], { resource: 'graph', roles: route.roles });
      const { method, query, origin, path } = call;
      return route.answer({ method, segments, query, body: jsonOf(call), here: `${origin}${path}` }, world, id);
    },
  };
}

const ROUTES: GraphRoutes = { ...USERS, ...LICENCES, ...ORGANISATION };

/** `POST users/{id}/assignLicense`; what is in `directory` has no id. */
function keyOf(method: string, [resource = '', id, ...rest]: readonly string[]): string {
  const second = id === undefined ? '' : `/${resource === 'directory' ? id : '{id}'}`;
  return `${method} ${resource}${second}${rest.map((one) => `/${one}`).join('')}`;
}
