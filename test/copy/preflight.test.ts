import { describe, expect, test } from 'vitest';
import { createMemoryMailConnector, MemoryMailSystem } from '../../adapters/memory/mail.ts';
import { MigrationError } from '../../domain/errors.ts';
import type { MailConnector } from '../../domain/ports/mail.ts';
import { type PreflightInput, preflightMailbox } from '../../domain/preflight-mailbox.ts';
import { HOSTED_EXCHANGE, NO_LIMITS } from '../../domain/target-limits.ts';
import { testEndpoint } from '../support/plans.ts';

const account = (user: string) => ({ endpoint: testEndpoint('imap.example.test'), user, secret: 'env:NONE' });
const signal = new AbortController().signal;
const refuses = (code: 'AUTH_FAILED' | 'HOST_UNREACHABLE') => async () => {
  throw new MigrationError(code, `told to fail with ${code}.`);
};

function systems(): MailConnector {
  const old = new MemoryMailSystem();
  old.addMessage(['INBOX'], Buffer.from('Subject: one\r\n\r\n'));
  return createMemoryMailConnector({ old, new: new MemoryMailSystem() });
}

const look = (connector: MailConnector, more: Partial<PreflightInput> = {}) =>
  preflightMailbox({ connector, source: account('old'), target: account('new'), mapping: {}, signal, ...more });

test('a mailbox that can be read has its census as verdict', async () => {
  expect(await look(systems())).toMatchObject({ ok: true, code: null, folders: 1, messages: 1 });
});

test('a target that refuses does not hide what the source holds, and is named', async () => {
  const verdict = await look({ ...systems(), openTarget: refuses('AUTH_FAILED') });
  expect(verdict).toMatchObject({
    ok: false,
    code: 'AUTH_FAILED',
    message: 'Target: told to fail with AUTH_FAILED.',
    messages: 1,
  });
});

test('both sides are told when both fail, the source first', async () => {
  const verdict = await look({ openSource: refuses('HOST_UNREACHABLE'), openTarget: refuses('AUTH_FAILED') });
  expect(verdict.code).toBe('HOST_UNREACHABLE');
  expect(verdict.message).toBe('Source: told to fail with HOST_UNREACHABLE. Target: told to fail with AUTH_FAILED.');
});

describe('the forecast', () => {
  const mail = (bytes: number) => Buffer.alloc(bytes, 'x');

  function filled() {
    const old = new MemoryMailSystem();
    old.addMessage(['INBOX'], mail(100));
    old.addMessage(['INBOX'], mail(300));
    old.addMessage(['Sent '], mail(50));
    return { old, connector: createMemoryMailConnector({ old, new: new MemoryMailSystem() }) };
  }

  test('counts bytes, and T24: names what is larger than the target takes', async () => {
    const limits = { ...NO_LIMITS, names: { separator: '/' }, messageBytes: 299 };
    const verdict = await look(filled().connector, { limits });
    expect(verdict).toMatchObject({ ok: true, messages: 3, bytes: 450 });
    expect(verdict.forecast).toMatchObject({
      bytes: 450,
      tooLarge: { limitBytes: 299, count: 1, largest: [{ folder: 'INBOX', uid: 2, bytes: 300 }] },
      renamed: 1,
      rate: { isMeasured: false },
    });
  });

  test('knows the limits of a target whose mailbox does not exist yet', async () => {
    const { old, connector } = filled();
    old.addFolder(['Foo']);
    old.addFolder(['foo']);
    const verdict = await look(connector, { target: null, limits: HOSTED_EXCHANGE });
    expect(verdict.renames).toContainEqual(expect.objectContaining({ from: 'foo', to: 'foo (2)' }));
    expect(verdict.forecast?.tooLarge).toMatchObject({ limitBytes: 36_700_160, isAssumed: true, count: 0 });
  });

  test('measures the source by a sample that ends after two seconds', async () => {
    const { old, connector } = filled();
    for (let number = 0; number < 50; number += 1) old.addMessage(['INBOX'], mail(1_000));
    let now = 0;
    let read = 0;
    old.before = (operation) => {
      if (operation !== 'findMessage') return;
      now += 500;
      read += 1;
    };
    const { forecast } = await look(connector, { clock: () => now });
    expect(read).toBe(4);
    expect(forecast?.rate).toMatchObject({ messagesPerSecond: 2, isMeasured: true });
    expect(forecast?.seconds).toBe(Math.ceil(50_450 / 1_525));
  });

  test('measures the source by a sample of four megabytes at most, without its largest messages', async () => {
    const { old, connector } = filled();
    for (let number = 0; number < 12; number += 1) old.addMessage(['INBOX'], mail(1_000_000));
    old.addMessage(['INBOX'], mail(2_000_000));
    const read: string[] = [];
    let now = 0;
    old.before = (operation, detail) => {
      if (operation === 'findMessage') read.push(detail);
      now += 1;
    };
    await look(connector, { clock: () => now });
    expect(read.length).toBeLessThanOrEqual(6);
    expect(read).not.toContain('INBOX 15');
  });

  test('has no bytes where sizes are not asked for, or take too long', async () => {
    expect(await look(filled().connector, { deep: false })).toMatchObject({ ok: true, messages: 3, bytes: null });
    const { old, connector } = filled();
    let now = 0;
    old.before = (operation) => {
      if (operation === 'listMessages') now += 30_000;
    };
    const verdict = await look(connector, { clock: () => now });
    expect(verdict).toMatchObject({ ok: true, messages: 3, bytes: null, forecast: { tooLarge: { count: null } } });
  });

  test('says what it has seen when it is late in the middle of a folder', async () => {
    const { old, connector } = filled();
    for (let number = 0; number < 300; number += 1) old.addMessage(['INBOX'], mail(10));
    let now = 0;
    const clock = () => {
      now += 100;
      return now;
    };
    const limits = { ...NO_LIMITS, names: { separator: '/' }, messageBytes: 299 };
    const { bytes, forecast } = await look(connector, { clock, limits });
    expect(bytes).toBeNull();
    expect(forecast?.tooLarge).toMatchObject({ count: null, largest: [{ uid: 2 }] });
  });

  test('counts the others when one folder cannot be read, and names it', async () => {
    const { old, connector } = filled();
    old.before = (operation, detail) => {
      if (operation === 'listMessages' && detail === 'INBOX') throw new MigrationError('FOLDER_VANISHED', 'Gone.');
    };
    const verdict = await look(connector);
    expect(verdict).toMatchObject({ ok: true, bytes: 50 });
    expect(verdict.forecast?.unfit).toEqual([{ folder: 'INBOX', why: 'cannot be read now: Gone.' }]);
  });

  test('stands though the target fails', async () => {
    const verdict = await look({ ...filled().connector, openTarget: refuses('AUTH_FAILED') });
    expect(verdict).toMatchObject({ ok: false, code: 'AUTH_FAILED', bytes: 450, renames: [] });
    expect(verdict.forecast).toMatchObject({ bytes: 450 });
  });

  test('changes nothing at the source', async () => {
    const { old, connector } = filled();
    const before = JSON.stringify(old.folders);
    await look(connector, { clock: performance.now.bind(performance) });
    expect(JSON.stringify(old.folders)).toBe(before);
  });
});
