import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { choosePort, findFreePort } from '../../embedded/ports.ts';

let folder: string;
let memory: string;
let other: Server | null = null;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mailferry-ports-'));
  memory = join(folder, 'ports.json');
});
afterEach(() => {
  other?.close();
  other = null;
  rmSync(folder, { recursive: true, force: true });
});

async function occupy(port: number): Promise<void> {
  other = createServer().listen(port, '127.0.0.1');
  await once(other, 'listening');
}

it('takes the usual port where it is free, and another where it is not', async () => {
  const usual = await findFreePort();
  const wish = { name: 'x', variable: 'X_PORT', usual, explicit: null };
  expect(await choosePort(wish, memory)).toBe(usual);
  rmSync(memory);
  await occupy(usual);
  expect(await choosePort(wish, memory)).not.toBe(usual);
});

it('keeps the port of last time, even when the usual one is free again', async () => {
  const wish = { name: 'x', variable: 'X_PORT', usual: await findFreePort(), explicit: null };
  await occupy(wish.usual);
  const first = await choosePort(wish, memory);
  other?.close();
  expect(await choosePort(wish, memory)).toBe(first);
  expect(await choosePort({ ...wish, name: 'y' }, memory)).toBe(wish.usual);
});

it('does without a memory that was cut short', async () => {
  writeFileSync(memory, '{"x": 12');
  const usual = await findFreePort();
  expect(await choosePort({ name: 'x', variable: 'X_PORT', usual, explicit: null }, memory)).toBe(usual);
});

it('insists on the port that the user insists on', async () => {
  const explicit = await findFreePort();
  const wish = { name: 'x', variable: 'X_PORT', usual: 1, explicit };
  expect(await choosePort(wish, memory)).toBe(explicit);
  await occupy(explicit);
  await expect(choosePort(wish, memory)).rejects.toMatchObject({ code: 'PORT_IN_USE', facts: { variable: 'X_PORT' } });
});
