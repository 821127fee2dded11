import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PROJECT = join(import.meta.dirname, '../..');

/** What set-up finds in a fresh clone, with a PATH of our making and a network that records who asks for it. */
export interface BareClone {
  readonly folder: string;
  /** Puts a shell script on PATH; its calls are recorded. */
  fake(command: string, script: string): void;
  write(path: string, content: string): void;
  /** Gives the clone the packages of this checkout. */
  linkPackages(): void;
  start(args: readonly string[], options?: RunOptions): ChildProcess;
  run(args: readonly string[], options?: RunOptions): Promise<Outcome>;
  /** Fakes and network addresses that were called since the last time. */
  calls(): string[];
  remove(): void;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly preload?: string;
}

export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

export function newBareClone(): BareClone {
  const folder = mkdtempSync(join(tmpdir(), 'mailferry-clone-'));
  const bin = join(folder, 'fake-bin');
  const record = join(folder, 'calls');
  mkdirSync(bin);
  for (const part of ['setup', 'bin', 'package.json', 'package-lock.json', '.npmrc']) {
    cpSync(join(PROJECT, part), join(folder, part), { recursive: true });
  }
  const closedNetwork = `
    import { appendFileSync } from 'node:fs';
    globalThis.fetch = (url) => {
      appendFileSync(${JSON.stringify(record)}, 'fetch ' + new URL(url).host + '\\n');
      return Promise.reject(new TypeError('fetch failed', { cause: { code: 'ENOTFOUND' } }));
    };`;

  const clone: BareClone = {
    folder,
    fake(command, script) {
      writeFileSync(join(bin, command), `#!/bin/sh\necho "${command} $*" >> '${record}'\n${script}\n`);
      chmodSync(join(bin, command), 0o755);
    },
    write(path, content) {
      mkdirSync(join(folder, path, '..'), { recursive: true });
      writeFileSync(join(folder, path), content);
    },
    linkPackages() {
      symlinkSync(join(PROJECT, 'node_modules'), join(folder, 'node_modules'));
    },
    start(args, { env = {}, preload = '' } = {}) {
      const imported = `data:text/javascript,${encodeURIComponent(closedNetwork + preload)}`;
      return spawn(process.execPath, ['--import', imported, join(folder, 'setup/run.js'), ...args], {
        cwd: folder,
        env: { PATH: bin, HOME: folder, TMPDIR: folder, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    },
    run(args, options) {
      const child = clone.start(args, options);
      const texts = { out: '', err: '' };
      child.stdout?.on('data', (chunk: Buffer) => {
        texts.out += chunk.toString();
      });
      child.stderr?.on('data', (chunk: Buffer) => {
        texts.err += chunk.toString();
      });
      return new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal, ...texts })));
    },
    calls() {
      const lines = existsSync(record) ? readFileSync(record, 'utf8').trim().split('\n') : [];
      rmSync(record, { force: true });
      return lines;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
  return clone;
}
