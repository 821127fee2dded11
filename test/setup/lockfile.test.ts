import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

interface Entry {
  readonly version?: string;
  readonly resolved?: string;
  readonly optionalDependencies?: Record<string, string>;
}

const lockfile = JSON.parse(readFileSync(join(import.meta.dirname, '../../package-lock.json'), 'utf8')) as {
  packages: Record<string, Entry>;
};
const paths = Object.keys(lockfile.packages);

// A registry that lacks the package of one platform makes npm leave it out, and then `npm ci` refuses on every platform.
it('has an entry for the optional package of every platform', () => {
  const missing = Object.values(lockfile.packages)
    .flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}))
    .filter((name) => !paths.some((path) => path.endsWith(`node_modules/${name}`)));
  expect(missing).toEqual([]);
});

it('names no host, so that it works behind any mirror', () => {
  const withHost = Object.values(lockfile.packages).filter(({ resolved }) => resolved?.includes('://'));
  expect(withHost).toEqual([]);
});
