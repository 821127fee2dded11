import { type Front, jsonOf } from '../front.ts';
import type { Access } from '../identity/access.ts';
import { answerGraph, type GraphOptions } from './graph-routes.ts';

/** Users, licences, groups, domains of Graph v1.0 (exchange.md §6.1). */
export function graphDirectory({ access, ...graph }: GraphOptions & { readonly access: Access }): Front {
  return {
    takes: ({ segments }) => segments[0] === 'v1.0',
    maxBodyBytes: 1024 * 1024,
    nameOf: ({ method, path }) => `${method} ${path}`,
    answer(call) {
      access.require(call.headers['authorization']);
      const { method, segments, query } = call;
      return answerGraph({ method, segments: segments.slice(1), query, body: jsonOf(call) }, graph);
    },
  };
}
