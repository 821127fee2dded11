import { readFile } from 'node:fs/promises';
import { PUBLIC } from '../auth.ts';
import type { Api } from '../deps.ts';

const FILES = [
  { route: '/portal', file: 'index.html', type: 'text/html; charset=utf-8' },
  { route: '/portal/', file: 'index.html', type: 'text/html; charset=utf-8' },
  { route: '/portal/portal.js', file: 'portal.js', type: 'text/javascript; charset=utf-8' },
  { route: '/portal/portal.css', file: 'portal.css', type: 'text/css; charset=utf-8' },
] as const;

/** The page reads the token from the fragment, so no server log and no Referer ever holds it. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-robots-tag': 'noindex, nofollow',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
};

/** Static pages; there are three, so they are read once. */
export async function portalRoutes(app: Api): Promise<void> {
  for (const { route, file, type } of FILES) {
    const content = await readFile(new URL(`../../portal/${file}`, import.meta.url));
    app.get(route, { schema: { hide: true, security: PUBLIC } }, async (_request, reply) =>
      reply.headers(HEADERS).type(type).send(content),
    );
  }
}
