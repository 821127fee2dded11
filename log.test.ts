import { describe, expect, it } from 'vitest';
import { createLogger, registerSecret } from './log.ts';

const CANARY = 'kanarie/geel ödla:7';

function newLog() {
  const lines: string[] = [];
  const logger = createLogger({ log: { level: 'trace', format: 'json' } }, { write: (line) => lines.push(line) });
  return { logger, text: () => lines.join('') };
}

describe('a registered secret', () => {
  const leaks: Record<string, (log: ReturnType<typeof newLog>['logger']) => void> = {
    'an interpolated message': (log) => log.error(`login with ${CANARY} failed`),
    'a format argument': (log) => log.error('login with %s failed', CANARY),
    'the text of an error': (log) => log.error(new Error(`no: ${CANARY}`)),
    'the cause of an error': (log) => log.error({ err: new Error('no', { cause: new Error(CANARY) }) }, 'failed'),
    'a URL': (log) => log.warn(`GET https://host.example.test/?q=${encodeURIComponent(CANARY)}`),
    'the credentials of a URL': (log) => log.warn(`imap://anna:${encodeURIComponent(CANARY)}@host.example.test/`),
    'a nested key': (log) => log.info({ a: { b: [{ c: { d: CANARY } }] } }, 'nested'),
    'the name of a key': (log) => log.info({ [CANARY]: 1 }, 'key'),
    'a child logger': (log) => log.child({ source: { answer: CANARY } }).fatal('child'),
    'a SASL PLAIN answer': (log) => log.debug(Buffer.from(`\0anna\0${CANARY}`).toString('base64')),
    'a JSON text in a message': (log) => log.info(JSON.stringify({ inner: CANARY })),
  };

  it.each(Object.entries(leaks))('does not appear through %s', (_way, write) => {
    const forget = registerSecret(CANARY);
    const { logger, text } = newLog();
    write(logger);
    forget();
    expect(text()).not.toBe('');
    expect(text()).toMatch(/\[secret\]|…@/);
    for (const form of [CANARY, encodeURIComponent(CANARY), 'kanarie', 'a2FuYXJpZ']) expect(text()).not.toContain(form);
  });

  it('is forgotten with its last holder and not before', () => {
    const forgets = [registerSecret(CANARY), registerSecret(CANARY)];
    const { logger, text } = newLog();
    forgets[0]?.();
    forgets[0]?.();
    logger.info(CANARY);
    expect(text()).not.toContain(CANARY);
    forgets[1]?.();
    logger.info(CANARY);
    expect(text()).toContain(CANARY);
  });
});

it('strikes out what stands under the name of a secret, at any depth, without registration', () => {
  const { logger, text } = newLog();
  logger.info({
    password: 'nobody-knows',
    deep: [{ accessToken: 'nobody-knows', headers: { authorization: 'nobody-knows' }, clientSecret: 'nobody-knows' }],
    code: 'nobody-knows',
  });
  logger.info('sent Authorization: Bearer nobody-knows');
  expect(text()).not.toContain('nobody-knows');
});

it('leaves error codes readable', () => {
  const { logger, text } = newLog();
  logger.info({ code: 'ECONNREFUSED', exit: { code: 137 } });
  expect(text()).toContain('ECONNREFUSED');
  expect(text()).toContain('137');
});

describe('mail addresses', () => {
  it('are masked above debug level, in messages, keys, errors and person-like fields', () => {
    const { logger, text } = newLog();
    logger.info({ user: 'anna.berg', address: 'anna.berg@example.test', x: { to: ['Anna <anna.berg@example.test>'] } });
    logger.warn('cannot open anna.berg+x@example.test');
    logger.error(new Error('550 <anna.berg@example.test>: unknown'));
    logger.error({ 'anna.berg@example.test': 1 });
    expect(text()).not.toContain('anna');
    expect(text()).not.toContain('berg');
    expect(text()).toContain('a…@example.test');
  });

  it('are kept at debug level', () => {
    const { logger, text } = newLog();
    logger.debug('open anna.berg@example.test');
    expect(text()).toContain('anna.berg@example.test');
  });

  it('are not confused with the address of a server', () => {
    const { logger, text } = newLog();
    logger.info({ address: '192.0.2.7', port: 993 });
    expect(text()).toContain('192.0.2.7');
  });
});
