import type { Front } from '../front.ts';
import type { Access } from './access.ts';

/** `POST /{tenant}/oauth2/v2.0/token` (RFC 6749 §4.4, RFC 7523). */
export function tokenEndpoint(tenantId: string, access: Access): Front {
  const path = `/${tenantId}/oauth2/v2.0/token`;
  return {
    takes: (call) => call.path === path,
    maxBodyBytes: 64 * 1024,
    nameOf: () => `POST ${path}`,
    answer: async ({ body, origin }) => ({
      status: 200,
      body: await access.answer(new URLSearchParams(body.toString()), `${origin}${path}`),
    }),
  };
}
