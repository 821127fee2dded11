/**
 * The repository as the tidy test sees it: its files, and who imports whom. A small reader of import lines, because the compiler
 * of TypeScript 7 has no JavaScript interface and the whole map has to be read in a second.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export interface Import {
  /** Path from the root for a file of ours, else the package's specifier. */
  readonly to: string;
  readonly isOurs: boolean;
  /** `import type`: nothing of it is left when the program runs. */
  readonly typeOnly: boolean;
  readonly line: number;
}

export interface SourceFile {
  /** Path from the root, with `/`. */
  readonly path: string;
  /** First part of the path; empty for a file of the root. */
  readonly folder: string;
  readonly text: string;
  readonly isTest: boolean;
  readonly imports: readonly Import[];
}

export type SourceMap = ReadonlyMap<string, SourceFile>;

/** Every file that is or would be tracked: what .gitignore names is passed over. Works without git, as in an image. */
export function listFiles(): string[] {
  const ignored = readFileSync(join(ROOT, '.gitignore'), 'utf8').split('\n').filter(Boolean);
  const folders = new Set(['.git', ...ignored.filter((line) => line.endsWith('/')).map((line) => line.slice(0, -1))]);
  const endings = ignored.filter((line) => line.startsWith('*')).map((line) => line.slice(1));
  const found: string[] = [];
  const walk = (folder: string) => {
    for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
      const path = posix.join(folder, entry.name);
      if (folders.has(entry.name)) continue; // a link to such a folder counts as one
      if (entry.isDirectory()) walk(path);
      else if (!endings.some((ending) => path.endsWith(ending))) found.push(path);
    }
  };
  walk('');
  return found.sort();
}

export function readText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** Programs only: TypeScript and JavaScript, without declarations. */
export function readSources(files: readonly string[]): SourceMap {
  const sources = new Map<string, SourceFile>();
  for (const path of files) {
    if (!/\.(ts|js|mjs)$/.test(path) || path.endsWith('.d.ts')) continue;
    const text = readText(path);
    const folder = path.includes('/') ? path.slice(0, path.indexOf('/')) : '';
    sources.set(path, { path, folder, text, isTest: path.endsWith('.test.ts'), imports: readImports(path, text) });
  }
  return sources;
}

const FROM =
  /^(?:import|export)\s+(type\s+)?(?:(?:[\w$]+\s*,\s*)?(?:\{[^}]*\}|\*(?:\s+as\s+[\w$]+)?)|[\w$]+)\s+from\s+['"]([^'"]+)['"]/gm;
const BARE = /^import\s+['"]([^'"]+)['"]/gm;
const DYNAMIC = /\bimport\(\s*['"]([^'"]+)['"]/g;

function readImports(path: string, text: string): Import[] {
  const found: Import[] = [];
  const add = (specifier: string | undefined, at: number, typeOnly: boolean) => {
    if (specifier === undefined) return;
    const isOurs = specifier.startsWith('.');
    const to = isOurs ? posix.join(posix.dirname(path), specifier) : specifier;
    found.push({ to, isOurs, typeOnly, line: text.slice(0, at).split('\n').length });
  };
  for (const match of text.matchAll(FROM)) add(match[2], match.index, match[1] !== undefined);
  for (const match of text.matchAll(BARE)) add(match[1], match.index, false);
  for (const match of text.matchAll(DYNAMIC)) add(match[1], match.index, false);
  return found;
}

/**
 * Files that a text names: how programs that are started by path (`workers/main.ts`, `new URL('./x.ts', …)`) are found.
 *
 * @param from  the folder that relative names start from; names from the root are tried too.
 */
export function namedFiles(text: string, from: string): string[] {
  const names = text.match(/[\w@./-]+\.(?:ts|js|mjs|css|html)\b/g) ?? [];
  const paths = names.flatMap((name) => [posix.join(from, name), posix.normalize(name), posix.join('portal', name)]);
  return [...new Set(paths)].filter((path) => !path.startsWith('..') && existsSync(join(ROOT, path)));
}

/** Everything that starts from `entries` along `next`, with the way to it, for messages. */
export function reach(entries: readonly string[], next: (path: string) => readonly string[]): Map<string, string[]> {
  const ways = new Map(entries.map((entry) => [entry, [entry]]));
  for (const [path, way] of ways) {
    for (const to of next(path)) if (!ways.has(to)) ways.set(to, [...way, to]); // a Map's iteration sees what is added
  }
  return ways;
}

/** `path:line: what` for each line that matches and is not exempt. */
export function findLines(source: { path: string; text: string }, pattern: RegExp, exempt?: (line: string) => boolean) {
  return source.text
    .split('\n')
    .flatMap((line, index) =>
      pattern.test(line) && !exempt?.(line) ? [`${source.path}:${index + 1}: ${line.trim().slice(0, 100)}`] : [],
    );
}
