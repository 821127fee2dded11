import { describe, expect, it } from 'vitest';
import { readConfig } from './config.ts';
import { MigrationError } from './domain/errors.ts';

const KEY = 'ab'.repeat(32);

describe('the environment', () => {
  it('is complete when it is empty', () => {
    const config = readConfig({});
    expect(config).toMatchObject({
      databaseUrl: null,
      temporal: { address: null, namespace: 'default' },
      api: { host: '127.0.0.1', port: 7080, publicUrl: null },
      transferSlots: 8,
    });
    expect(config.home.startsWith('/')).toBe(true);
  });

  it('treats an empty variable as one that is not set', () => {
    expect(readConfig({ DATABASE_URL: '', MAILFERRY_API_PORT: '' })).toEqual(readConfig({}));
  });

  it('takes the payload key as hex and as base64', () => {
    const base64 = Buffer.from(KEY, 'hex').toString('base64');
    expect(readConfig({ MAILFERRY_PAYLOAD_KEY: KEY }).payloadKey).toEqual(Buffer.from(KEY, 'hex'));
    expect(readConfig({ MAILFERRY_PAYLOAD_KEY: base64 }).payloadKey).toEqual(Buffer.from(KEY, 'hex'));
  });

  it('prefers the namespace named for us', () => {
    expect(readConfig({ TEMPORAL_NAMESPACE: 'a' }).temporal.namespace).toBe('a');
    expect(readConfig({ TEMPORAL_NAMESPACE: 'a', MAILFERRY_NAMESPACE: 'b' }).temporal.namespace).toBe('b');
  });

  it('names every bad variable in one message and repeats no value', () => {
    const bad = {
      DATABASE_URL: 'mysql://canary-secret@host/db',
      TEMPORAL_ADDRESS: 'canary-secret',
      MAILFERRY_API_PORT: '70000',
      MAILFERRY_PUBLIC_URL: 'canary-secret',
      MAILFERRY_SMTP_URL: 'http://canary-secret',
      MAILFERRY_MAIL_FROM: 'canary-secret',
      MAILFERRY_PAYLOAD_KEY: 'canary-secret',
      MAILFERRY_OPERATOR_TOKEN: 'canary-secret',
      MAILFERRY_LOG_LEVEL: 'canary-secret',
      MAILFERRY_LOG_FORMAT: 'canary-secret',
      MAILFERRY_TRANSFER_SLOTS: '0',
      MAILFERRY_TEMPORAL_PORT: '0',
      MAILFERRY_TEMPORAL_UI_PORT: 'x',
      MAILFERRY_PG_PORT: '-1',
    };
    const error = failureOf(() => readConfig(bad));
    expect(error.code).toBe('CONFIG_INVALID');
    for (const name of Object.keys(bad)) expect(error.message).toContain(`${name}: is`);
    expect(error.message).not.toContain('canary-secret');
  });

  it('refuses a payload key given twice, beside other faults', () => {
    const error = failureOf(() =>
      readConfig({ MAILFERRY_PAYLOAD_KEY: KEY, MAILFERRY_PAYLOAD_KEY_FILE: 'k', MAILFERRY_PG_PORT: 'x' }),
    );
    expect(error.facts['variables']).toBe('MAILFERRY_PG_PORT, MAILFERRY_PAYLOAD_KEY_FILE');
  });
});

function failureOf(action: () => unknown): MigrationError {
  try {
    action();
  } catch (error) {
    if (error instanceof MigrationError) return error;
    throw error;
  }
  throw new Error('did not fail');
}
