import { type Front, jsonOf } from '../front.ts';
import type { Access } from '../identity/access.ts';
import type { Role } from '../identity/roles.ts';
import { answerGraph, type GraphOptions } from './graph-routes.ts';

const WRITERS: readonly Role[] = ['User.ReadWrite.All', 'LicenseAssignment.ReadWrite.All', 'Directory.ReadWrite.All'];
const READERS: readonly Role[] = [
  ...WRITERS,
  'User.Read.All',
  'Directory.Read.All',
  'Group.Read.All',
  'Domain.Read.All',
  'Organization.Read.All',
];

/** Users, licences, groups, domains of Graph v1.0 (exchange.md §6.1). */
export function graphDirectory({ access, ...graph }: GraphOptions & { readonly access: Access }): Front {
  return {
    takes: ({ segments }) => segments[0] === 'v1.0',
    maxBodyBytes: 1024 * 1024,
    nameOf: ({ method, path }) => `${method} ${path}`,
    answer(call) {
      const roles = call.method === 'GET' ? READERS : WRITERS;
      access.require(call.headers['authorization'], { resource: 'graph', roles });
      const { method, segments, query } = call;
      return answerGraph({ method, segments: segments.slice(1), query, body: jsonOf(call) }, graph);
    },
  };
}
