import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MigrationError } from '../../domain/errors.ts';
import { findProcess, isAlive, type ProcessMark, reapLeftover, recordProcess } from '../../embedded/process-marks.ts';
import { type Component, startComponent } from '../../embedded/supervisor.ts';
import { waitUntil } from '../../embedded/wait-until.ts';
import { guardProcess, watchdogPid } from '../../embedded/watchdog.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mailferry-supervisor-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const NEVER = { ready: () => Promise.resolve(false) } as const;

function shell(name: string, script: string, more: Partial<Parameters<typeof startComponent>[0]> = {}) {
  return startComponent({
    name,
    command: '/bin/sh',
    args: ['-c', script],
    ready: () => Promise.resolve(true),
    logFile: join(folder, `${name}.log`),
    pidFile: join(folder, `${name}.pid`),
    restart: { backoffMs: 1 },
    ...more,
  });
}

function markOf(component: Component): ProcessMark {
  const mark = findProcess(component.pid() ?? -1);
  if (mark === null) throw new Error(`${component.name} is not running`);
  return mark;
}

describe('a component', () => {
  it('is started again when it is killed, and not when it is stopped', async () => {
    const component = await shell('again', 'exec sleep 600');
    const first = markOf(component);
    process.kill(first.pid, 'SIGKILL');
    expect(await waitUntil(() => component.restarts() === 1 && component.pid() !== null, 5_000)).toBe(true);
    await component.whenReady();
    const second = markOf(component);
    await component.stop();
    await component.stop();
    expect([isAlive(first), isAlive(second), component.pid()]).toEqual([false, false, null]);
  });

  it('is ended by force when it does not heed the stop signal, with what it has started', async () => {
    const script = 'trap \'\' TERM; sleep 600 & echo $! > "$0"; wait; wait; wait';
    const childFile = join(folder, 'stubborn.child');
    const component = await shell('stubborn', script, {
      args: ['-c', script, childFile],
      stopTimeoutMs: 300,
      ready: () => Promise.resolve(readable(childFile)),
    });
    const mark = markOf(component);
    const child = Number(readFileSync(childFile, 'utf8'));
    await component.stop();
    expect(isAlive(mark)).toBe(false);
    expect(await waitUntil(() => findProcess(child) === null, 2_000)).toBe(true);
  });

  it('that cannot start ends in a message with its log file and last words', async () => {
    await expect(shell('hopeless', 'echo no disk left >&2; exit 4', NEVER)).rejects.toMatchObject({
      code: 'COMPONENT_UNMENDABLE',
      message:
        `hopeless failed 5 times to start: it exited with code 4. Its log is ${join(folder, 'hopeless.log')}, ` +
        'which ends with: no disk left',
    });
  });

  it('whose program is missing ends in a message, too', async () => {
    const starting = shell('missing', '', { ...NEVER, command: join(folder, 'no-such-program') });
    await expect(starting).rejects.toMatchObject({ code: 'COMPONENT_UNMENDABLE' });
  });

  it('that never answers is ended and given up instead of waited for', async () => {
    const starting = shell('mute', 'exec sleep 600', {
      ready: () => Promise.resolve(false),
      readyTimeoutMs: 100,
      restart: { failedStarts: 2, backoffMs: 1 },
    });
    await expect(starting).rejects.toThrow(/mute failed 2 times to start: it did not answer within 0.1 s/);
  });

  it('that turns hopeless later is reported once, by the callback', async () => {
    const fuse = join(folder, 'fuse');
    const fatal: MigrationError[] = [];
    const past = join(folder, 'past-the-fuse');
    const component = await shell('later', `[ -e ${fuse} ] && exit 9; echo > ${past}; exec sleep 600`, {
      ready: () => Promise.resolve(readable(past)),
      onFatal: (error) => fatal.push(error),
    });
    writeFileSync(fuse, '');
    process.kill(markOf(component).pid, 'SIGKILL');
    expect(await waitUntil(() => fatal.length > 0, 10_000)).toBe(true);
    await expect(component.whenReady()).rejects.toBe(fatal[0]);
    await component.stop();
    expect(fatal.map(({ code }) => code)).toEqual(['COMPONENT_UNMENDABLE']);
  });
});

describe('the watchdog', () => {
  it('is replaced when it is killed, and its replacement guards what it guarded', async () => {
    const component = await shell('guarded', 'exec sleep 600');
    const first = watchdogPid();
    if (first === null) throw new Error('there is no watchdog');
    process.kill(first, 'SIGKILL');
    expect(await waitUntil(() => watchdogPid() !== first && watchdogPid() !== null, 5_000)).toBe(true);
    await component.stop();
    const second = watchdogPid();
    expect(await waitUntil(() => second === null || findProcess(second) === null, 5_000)).toBe(true);
  });

  it('ends a group that heeds nothing when its master dies', async () => {
    // The master is a process of its own that guards one stubborn shell and is then killed.
    const master = spawn(process.execPath, ['--input-type=module', '-e', MASTER], {
      env: { ...process.env, WATCHDOG: join(import.meta.dirname, '../../embedded/watchdog.ts') },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(master.stdout, 'data')) as [Buffer];
    const guarded = findProcess(Number(line.toString()));
    if (guarded === null) throw new Error('nothing to guard');
    master.kill('SIGKILL');
    expect(await waitUntil(() => !isAlive(guarded), 8_000)).toBe(true);
  });

  it('counts a process once, however often it is asked to guard it', async () => {
    const child = spawn('/bin/sleep', ['600'], { detached: true, stdio: 'ignore' });
    const release = guardProcess(child.pid ?? -1);
    guardProcess(child.pid ?? -1);
    release();
    expect(watchdogPid()).toBeNull();
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
});

describe('what an earlier run left behind', () => {
  it('is ended at the next start', async () => {
    const file = join(folder, 'left.pid');
    const child = spawn('/bin/sleep', ['600'], { detached: true, stdio: 'ignore' });
    const exited = once(child, 'exit');
    await recordProcess(file, child.pid ?? -1);
    expect(await reapLeftover(file, 'SIGTERM')).toBe(true);
    await exited;
    expect(await reapLeftover(file, 'SIGTERM')).toBe(false);
  });

  it('is not confused with a later process that has its number', async () => {
    const file = join(folder, 'reused.pid');
    const child = spawn('/bin/sleep', ['600'], { detached: true, stdio: 'ignore' });
    const mark = findProcess(child.pid ?? -1);
    writeFileSync(file, JSON.stringify({ ...mark, startedAt: '1' }));
    expect(await reapLeftover(file, 'SIGTERM')).toBe(false);
    expect(mark !== null && isAlive(mark)).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
});

const MASTER = `
  import { spawn } from 'node:child_process';
  const { guardProcess } = await import(process.env.WATCHDOG);
  const child = spawn('/bin/sh', ['-c', "trap '' TERM; echo ready; while :; do sleep 1; done"], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  child.stdout.once('data', () => {
    guardProcess(child.pid);
    console.log(child.pid);
  });
  setInterval(() => undefined, 60_000);
`;

function readable(file: string): boolean {
  try {
    return readFileSync(file, 'utf8').endsWith('\n');
  } catch {
    return false;
  }
}
