import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { scrubSecrets } from '../log.ts';
import { getPayloadKey, payloadKeyFileOf } from './payload-key.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'mailferry-key-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const none = () => ({ home, payloadKey: null, payloadKeyFile: null });

it('makes a key once, for its owner only, and finds it again', () => {
  const key = getPayloadKey(none(), { create: true });
  expect(key).toHaveLength(32);
  expect(statSync(payloadKeyFileOf(none())).mode & 0o777).toBe(0o600);
  expect(getPayloadKey(none(), { create: false })).toEqual(key);
  expect(getPayloadKey({ ...none(), payloadKeyFile: payloadKeyFileOf(none()) }, { create: true })).toEqual(key);
});

it('keeps the key out of the log', () => {
  const key = getPayloadKey(none(), { create: true });
  expect(scrubSecrets(`key ${key.toString('hex')}`)).toBe('key [secret]');
});

it('takes the key of the environment before any file', () => {
  const key = Buffer.alloc(32, 7);
  expect(getPayloadKey({ ...none(), payloadKey: key }, { create: true })).toBe(key);
});

it('names file and variable where a process that may not make a key finds none', () => {
  expect(() => getPayloadKey(none(), { create: false })).toThrow(
    /no payload key in .*payload\.key.*MAILFERRY_PAYLOAD_KEY/,
  );
});

it('refuses a file that holds no key, and leaves it as it is', () => {
  const file = join(home, 'bad.key');
  writeFileSync(file, 'short');
  expect(() => getPayloadKey({ ...none(), payloadKeyFile: file }, { create: true })).toThrow(/does not hold 32 bytes/);
  expect(readFileSync(file, 'utf8')).toBe('short');
});
