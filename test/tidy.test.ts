/** Keeps the map of docs/architecture.md honest. Reads the repository and lets Node load it once: two seconds. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, posix } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { renderErrors } from '../docs/render-errors.ts';
import { ERRORS } from '../domain/errors.ts';
import { SEARCH_ATTRIBUTES, TASK_QUEUES } from '../workflows/names.ts';
import * as searchAttributeKeys from '../workflows/search-attributes.ts';
import {
  findLines,
  listFiles,
  namedFiles,
  ROOT,
  reach,
  readSources,
  readText,
  type SourceFile,
} from './support/source-map.ts';

const files = listFiles();
const sources = readSources(files);

interface Arrows {
  /** Folders of ours, or single files, whose values may be imported. */
  readonly values: readonly string[];
  /** As {@link values}, by `import type` only. */
  readonly types?: readonly string[];
}

/** What every program needs to be told and to tell; they import the domain and each other. */
const ROOT_FILES = ['config.ts', 'log.ts', 'home.ts'];

/** Who may import whom; a folder may always import itself. Only composition roots build adapters. */
const ARROWS: Readonly<Record<string, Arrows>> = {
  domain: { values: [] },
  adapters: { values: ['domain'] },
  activities: { values: ['domain'] },
  workflows: { values: ['domain'], types: ['activities'] },
  workers: { values: ['domain', 'adapters', 'activities', 'workflows', 'api', 'embedded', ...ROOT_FILES] },
  api: { values: ['domain', 'workflows', ...ROOT_FILES] },
  cli: { values: ['domain', 'adapters', 'workflows', 'workers', 'api', 'embedded', 'setup', ...ROOT_FILES] },
  embedded: { values: ['domain', 'adapters', 'workflows', 'workers', 'api', 'setup', ...ROOT_FILES] },
  lab: {
    values: ['domain', 'adapters', 'activities', 'workflows', 'workers', 'api', 'embedded', 'setup', ...ROOT_FILES],
  },
  portal: { values: [] },
  setup: { values: [] },
  bin: { values: ['setup'] },
  deploy: { values: [] },
  docs: { values: ['domain'] },
  '': { values: ['domain', 'test/reporter.ts'] },
};
/** These show or try everything. */
const UNBOUND = ['test', 'bench'];
/** The one file of api/ that builds what the others are handed. */
const API_ROOT: Arrows = { values: [...(ARROWS['api']?.values ?? []), 'adapters', 'workers', 'embedded'] };
/** What a test beside the code may use on top: stand-ins. */
const FOR_TESTS = ['test', 'adapters/memory'];

/** The domain does no I/O; a digest is none. */
const DOMAIN_BUILTINS: Readonly<Record<string, readonly string[]>> = { 'domain/fingerprint.ts': ['node:crypto'] };
/** All that workflow code may load: the rest is not deterministic, or not in the sandbox. */
const WORKFLOW_PACKAGES = ['@temporalio/workflow', '@temporalio/common'];

/** Programs that are started by name. Each is there once its folder has any code. */
const PROGRAMS = ['cli/main.ts', 'api/main.ts', 'workers/main.ts', 'lab/demo/main.ts', 'workflows/index.ts'];

describe('the map', () => {
  test('every folder with code has its place on the map', () => {
    const folders = new Set([...sources.values()].map((source) => source.folder));
    expect([...folders].filter((folder) => !(folder in ARROWS) && !UNBOUND.includes(folder))).toEqual([]);
  });

  test('arrows point inwards', () => {
    const crossings: string[] = [];
    for (const source of sources.values()) {
      if (UNBOUND.includes(source.folder)) continue;
      const arrows = source.path === 'api/main.ts' ? API_ROOT : (ARROWS[source.folder] ?? { values: [] });
      for (const { to, isOurs, typeOnly, line } of source.imports) {
        if (!isOurs || isInside(to, source.folder)) continue;
        const allowed = [
          ...arrows.values,
          ...(typeOnly ? (arrows.types ?? []) : []),
          ...(source.isTest || source.path.endsWith('.suite.ts') ? FOR_TESTS : []),
        ];
        if (!allowed.some((place) => isInside(to, place))) crossings.push(`${source.path}:${line} imports ${to}`);
      }
    }
    expect(crossings).toEqual([]);
  });

  test('every import names a file that is there', () => {
    const missing = [...sources.values()].flatMap((source) =>
      source.imports
        .filter(({ to, isOurs }) => isOurs && !existsSync(join(ROOT, to)))
        .map(({ to, line }) => `${source.path}:${line} imports ${to}`),
    );
    expect(missing).toEqual([]);
  });

  test('the domain knows no package and no I/O', () => {
    const outside = inFolder('domain').flatMap((source) =>
      source.imports
        .filter(({ to, isOurs }) => !isOurs && !DOMAIN_BUILTINS[source.path]?.includes(to))
        .map(({ to, line }) => `${source.path}:${line} imports ${to}`),
    );
    expect(outside).toEqual([]);
  });

  test('a port carries no type of a library', () => {
    const packages = inFolder('domain/ports').flatMap((source) => source.imports.filter(({ isOurs }) => !isOurs));
    expect(packages).toEqual([]);
  });

  test('nothing that a workflow loads leaves the sandbox', () => {
    const ways = reach(
      inFolder('workflows').map((source) => source.path),
      (path) =>
        valuesOf(path)
          .filter(({ isOurs }) => isOurs)
          .map(({ to }) => to),
    );
    const escapes: string[] = [];
    for (const [path, way] of ways) {
      if (isInside(path, 'activities')) escapes.push(`${way.join(' → ')}: only types of activities may be imported`);
      for (const { to, isOurs } of valuesOf(path)) {
        if (!isOurs && !WORKFLOW_PACKAGES.includes(to)) escapes.push([...way, to].join(' → '));
      }
    }
    expect(escapes).toEqual([]);
  });

  test('no workflow starts a local activity, but runs that began with one (docs/adr/0008-no-local-activities.md)', () => {
    const code = inFolder('workflows').map(({ path, text }) => ({ path, text: withoutComments(text) }));
    const found = code.flatMap((source) => findLines(source, /\blocal\.|\bproxyLocalActivities[(<]/));
    expect(found.map((line) => line.replace(/:\d+:/, ':'))).toEqual([
      expect.stringMatching(/^workflows\/activities\.ts: export const local = /),
      expect.stringMatching(/^workflows\/desk\.ts: .*\blocal\.publishView\(/),
    ]);
  });

  test('the set-up needs no package: it runs before any is installed', () => {
    const early = [...inFolder('setup'), ...inFolder('bin')].flatMap((source) =>
      source.imports
        .filter(({ to, isOurs }) => !isOurs && !to.startsWith('node:'))
        // Loaded on demand, after npm ci.
        .filter(({ line }) => !/\bawait import\(/.test(source.text.split('\n')[line - 1] ?? ''))
        .map(({ to, line }) => `${source.path}:${line} imports ${to}`),
    );
    expect(early).toEqual([]);
  });

  test('queues and search attributes are named in workflows/names.ts and nowhere else', () => {
    const names = [...Object.values(TASK_QUEUES), ...Object.keys(SEARCH_ATTRIBUTES)];
    const pattern = new RegExp(`['"\`](?:${names.join('|')})['"\`]|['"\`]migration/\\$\\{`);
    const places = ['workflows/names.ts', 'workflows/search-attributes.ts'];
    const strays = [...sources.values()]
      .filter(({ path, folder }) => !places.includes(path) && folder !== 'test')
      .flatMap((source) => findLines(source, pattern));
    expect(strays).toEqual([]);
  });

  test('each search attribute has a typed key of the type that is registered', () => {
    const keys = Object.values(searchAttributeKeys).map(({ name, type }) => [
      name,
      type.replace('_', '').toLowerCase(),
    ]);
    const registered = Object.entries(SEARCH_ATTRIBUTES).map(([name, type]) => [name, type.toLowerCase()]);
    expect(Object.fromEntries(keys)).toEqual(Object.fromEntries(registered));
  });
});

describe('the code', () => {
  test('programs that are started by name are there', () => {
    const named = PROGRAMS.filter((program) => inFolder(posix.dirname(program).split('/')[0] ?? '').length > 0);
    const started = namedIn(['setup/main.js', 'package.json', 'bin/mailferry.js'].map(readText).join('\n'));
    expect([...named, ...started].filter((program) => !existsSync(join(ROOT, program)))).toEqual([]);
  });

  // vitest resolves names that Node does not find: named exports of some CommonJS packages (@temporalio/proto is one).
  test('Node itself can load every module', async () => {
    const modules = ['domain', 'adapters', 'activities', 'workers', 'api', 'embedded', 'cli']
      .flatMap(inFolder)
      .map(({ path }) => path)
      .filter((path) => !PROGRAMS.includes(path));
    const script = `
      const failed = [];
      for (const path of ${JSON.stringify(modules)}) await import('./' + path).catch((error) => failed.push(path + ': ' + error.message.split('\\n')[0]));
      console.log(JSON.stringify(failed));`;
    const node = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], { cwd: ROOT });
    expect(JSON.parse(node.stdout.trim().split('\n').at(-1) ?? '')).toEqual([]);
  });

  test('no file is dead', () => {
    const starts = ['package.json', 'Dockerfile', 'docker-compose.yml', '.ci/run', 'vitest.config.ts', ...PROGRAMS];
    const entries = [
      ...starts.filter((path) => existsSync(join(ROOT, path))),
      ...files.filter((path) => path.endsWith('.test.ts') || (path.startsWith('bench/') && path.endsWith('.ts'))),
    ];
    const alive = reach(entries, (path) => {
      const imports =
        sources
          .get(path)
          ?.imports.filter(({ isOurs }) => isOurs)
          .map(({ to }) => to) ?? [];
      return [...imports, ...namedFiles(withoutComments(readText(path)), posix.dirname(path))].filter((to) =>
        files.includes(to),
      );
    });
    expect([...sources.keys()].filter((path) => !alive.has(path))).toEqual([]);
  });

  test('there is no `any`, and nothing is silenced without a reason', () => {
    const anyType = /(?:[:<,|&]|=>|\bas|\bextends|\bkeyof)\s*any\b\s*(?:[;,)>|&=\][{}]|$)|\bany\[\]/;
    const silenced =
      /@ts-ignore|@ts-nocheck|@ts-expect-error(?!\s*[:-]?\s*\w[\w\s,;'`()-]{9,})|biome-ignore(?!.*:\s*\S.{9,})/;
    const found = [...sources.values()]
      .filter(({ path }) => path !== 'test/tidy.test.ts')
      .flatMap((source) => [
        ...findLines({ path: source.path, text: withoutComments(source.text) }, anyType),
        ...findLines(source, silenced),
      ]);
    expect(found).toEqual([]);
  });

  test('no test is left alone or left out', () => {
    const pattern = /\b(?:describe|suite|test|it)(?:\.\w+)*\.(?:only|skip|todo)\b|^\s*[fx](?:it|describe|test)\(/;
    expect([...sources.values()].flatMap((source) => findLines(source, pattern))).toEqual([]);
  });
});

describe('deletions at the target', () => {
  // Each place that can take mail away from a target, and what may bring it there.
  const ERASER = 'domain/ports/eraser.ts';
  const importersOf = (...paths: string[]) => {
    const found = [...sources.values()].filter(({ imports, isTest }) => {
      return !isTest && imports.some(({ to }) => paths.includes(to));
    });
    return found.map(({ path }) => path).toSorted();
  };

  test('T72: nobody knows the eraser but the rule, the two adapters, and the one activity that opens it', () => {
    expect(importersOf(ERASER)).toEqual([
      'activities/deletions.ts',
      'adapters/hosted/connector.ts', // lets it through to IMAP, or not at all
      'adapters/imap/eraser.ts',
      'adapters/memory/eraser.ts',
      'domain/follow-deletions.ts',
    ]);
    expect(importersOf('adapters/imap/eraser.ts', 'adapters/memory/eraser.ts')).toEqual(['workers/ports.ts']);
    expect(importersOf('activities/deletions.ts')).toEqual(['activities/transfer.ts']);
  });

  test('T72: a proof that MX has not moved is made in one place, asked for in one, and forged in none', () => {
    const where = (pattern: RegExp) => {
      const code = [...sources.values()].filter(({ isTest, folder }) => !isTest && folder !== 'test');
      return code.filter(({ text }) => pattern.test(withoutComments(text))).map(({ path }) => path);
    };
    expect(where(/(?:\bas|<)\s+(?:unknown\s+as\s+)?BeforeMxMoves\b/)).toEqual(['domain/before-mx-moves.ts']);
    expect(where(/\bbeforeMxMoves\(/).toSorted()).toEqual(['activities/deletions.ts', 'domain/before-mx-moves.ts']);
    expect(where(/\.openEraser\(/).toSorted()).toEqual([
      'activities/deletions.ts',
      'adapters/hosted/connector.ts',
      'domain/follow-deletions.ts',
    ]);
  });

  test('T72: no other code of an adapter expunges, deletes a folder, or closes one that was opened for writing', () => {
    const pattern =
      /\b(?:UID )?EXPUNGE'|messageDelete\(|mailboxDelete\(|messageMove\(|execRaw\(client, 'DELETE'|permanentDelete`/;
    const adapters = inFolder('adapters').filter(({ text }) => pattern.test(withoutComments(text)));
    // Those of probes refuse every folder that no probe has made; staging removes what bears our property in a folder of ours.
    expect(adapters.map(({ path }) => path)).toEqual([
      'adapters/graph/probe.ts',
      'adapters/graph/staging.ts',
      'adapters/imap/eraser.ts',
      'adapters/imap/probe.ts',
    ]);
  });
});

describe('the errors', () => {
  test('docs/errors.md is what the catalogue says (`node docs/render-errors.ts` writes it)', () => {
    expect(readText('docs/errors.md')).toBe(renderErrors());
  });

  test.each(Object.entries(ERRORS))('the remedy of %s is a sentence', (_code, { remedy }) => {
    expect(remedy).toMatch(/^[A-Z`].{8,}[^.\s]\.$/);
    expect(remedy).not.toMatch(/\s{2}|\.\./);
  });
});

describe('what is written down', () => {
  test('documents that are named are there', () => {
    const missing = files
      .filter((path) => /\.(ts|js|md|ya?ml|html)$/.test(path) && path !== 'test/tidy.test.ts')
      .flatMap((path) =>
        [...readText(path).matchAll(/(?<![\w./-])docs\/[\w./-]+\.md\b/g)]
          .filter(([name]) => !existsSync(join(ROOT, name)))
          .map(([name]) => `${path} names ${name}`),
      );
    expect([...new Set(missing)]).toEqual([]);
  });

  test('docs/configuration.md names every variable that is read, and no other', () => {
    const validated = readText('config.ts').match(/^ {4}[A-Z][A-Z_]+(?=:)/gm) ?? [];
    const read = [...sources.values()]
      .filter(({ folder }) => ['adapters', 'api', 'cli', 'embedded', 'workers'].includes(folder))
      .flatMap(({ text }) => [...text.matchAll(/\benv\['(MAILFERRY_[A-Z_]+)'\]/g)].map(([, name]) => name ?? ''));
    const standard = ['TEMPORAL_NAMESPACE']; // Temporal's own, told beside MAILFERRY_NAMESPACE
    const known = new Set(
      [...validated.map((name) => name.trim()), ...read].filter((name) => !standard.includes(name)),
    );
    const told = readText('docs/configuration.md')
      .match(/^\| .*? \|/gm)
      ?.flatMap((cell) => cell.match(/[A-Z]+_[A-Z_]+/g) ?? []);
    expect(told?.toSorted()).toEqual([...known].toSorted());
  });

  test('links inside the documents lead somewhere', () => {
    const broken = files
      .filter((path) => path.endsWith('.md'))
      .flatMap((path) =>
        [...readText(path).matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)/g)]
          .map(([, link]) => posix.join(posix.dirname(path), link ?? ''))
          .filter((target) => !existsSync(join(ROOT, target)))
          .map((target) => `${path} → ${target}`),
      );
    expect(broken).toEqual([]);
  });

  test('no file names a folder or a registry of the machine it was written on', () => {
    const folders = /(?<![\w.$}*-])\/(?:work|root|home\/\w+|Users\/\w+)\//;
    const registries = registriesOfThisMachine();
    const found = files
      .filter((path) => !/\.(png|jpe?g|gif|ico|woff2?|zst|gz)$/.test(path))
      .flatMap((path) => {
        const text = readText(path);
        return [
          ...findLines({ path, text }, folders),
          ...registries.filter((host) => text.includes(host)).map((host) => `${path} names the registry ${host}`),
        ];
      });
    expect(found).toEqual([]);
  });

  test('the lockfile names no host, so it works behind any mirror', () => {
    expect(readText('package-lock.json').match(/"resolved": "\w+:.*/g) ?? []).toEqual([]);
  });
});

function isInside(path: string, place: string): boolean {
  if (place === '') return !path.includes('/');
  return path === place || path.startsWith(`${place}/`);
}

/** Tests have arrows of their own, so what follows looks at the code alone. */
function inFolder(folder: string): SourceFile[] {
  return [...sources.values()].filter((source) => isInside(source.path, folder) && !source.isTest);
}

function valuesOf(path: string) {
  return sources.get(path)?.imports.filter(({ typeOnly }) => !typeOnly) ?? [];
}

/** Names of programs in quotes that stand on their own, e.g. `'lab/demo/main.ts'`. */
function namedIn(text: string): string[] {
  return [...text.matchAll(/['"\s]([\w-]+\/(?:[\w.-]+\/)*[\w.-]+\.(?:ts|js|mjs))['"\s]/g)].map(([, name]) =>
    posix.normalize(name ?? ''),
  );
}

/** A file that only a comment names is not used by it. Strings that hold `//` (URLs) keep their line's head, which will do. */
function withoutComments(text: string): string {
  return text.replace(/^\s*(?:\/?\*|\/\/).*$/gm, '').replace(/\s\/\/ .*$/gm, '');
}

/** Where npm on this machine gets its packages, unless that is the public registry. */
function registriesOfThisMachine(): string[] {
  const userConfig = join(homedir(), '.npmrc');
  const texts = [
    process.env['npm_config_registry'] ?? '',
    existsSync(userConfig) ? readFileSync(userConfig, 'utf8') : '',
  ];
  const hosts = texts.flatMap((text) => [...text.matchAll(/https?:\/\/([^/\s:]+)/g)].map(([, host]) => host ?? ''));
  return hosts.filter((host) => host !== '' && !host.endsWith('npmjs.org') && !/^(localhost|127\.0\.0\.1)$/.test(host));
}
