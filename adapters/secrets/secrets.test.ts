import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSecrets } from './secrets.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mailferry-secrets-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('a file reference', () => {
  test('is the first line without its end, relative to the base folder', async () => {
    await writeFile(join(folder, 'anna'), ' pass wörd \r\na note\n');
    expect(await createSecrets(folder).resolve('file:anna')).toBe(' pass wörd ');
    expect(await createSecrets('/nowhere').resolve(`file:${join(folder, 'anna')}`)).toBe(' pass wörd ');
  });

  test('is all of it where it is a key or a certificate', async () => {
    const pem = '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\nBBBB\n';
    await writeFile(join(folder, 'app.pem'), `\uFEFF${pem}`);
    expect(await createSecrets(folder).resolve('file:app.pem')).toBe(pem);
  });

  test('is read anew each time, so that a correction counts at once', async () => {
    const secrets = createSecrets(folder);
    await writeFile(join(folder, 'bert'), 'wrong');
    await secrets.resolve('file:bert');
    await writeFile(join(folder, 'bert'), 'right');
    expect(await secrets.resolve('file:bert')).toBe('right');
  });

  test.each([
    ['that is not there', 'file:nobody', null],
    ['that is empty', 'file:empty', '\nsecond line\n'],
  ])('%s is SECRET_MISSING and named', async (_case, ref, content) => {
    if (content !== null) await writeFile(join(folder, ref.slice(5)), content);
    await expect(createSecrets(folder).resolve(ref)).rejects.toMatchObject({ code: 'SECRET_MISSING', facts: { ref } });
  });
});

test('an environment reference is the variable', async () => {
  const secrets = createSecrets(folder, { ANNA: 'x y' });
  expect(await secrets.resolve('env:ANNA')).toBe('x y');
  await expect(secrets.resolve('env:BERT')).rejects.toMatchObject({
    code: 'SECRET_MISSING',
    facts: { ref: 'env:BERT' },
  });
});

test('a secret in place of a reference is not repeated', async () => {
  const error: unknown = await createSecrets(folder)
    .resolve('hunter2')
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'SECRET_MISSING' });
  expect(JSON.stringify([error, String(error)])).not.toContain('hunter2');
});
