import { expect, test } from 'vitest';
import { createMemoryMailConnector, MemoryMailSystem } from '../../adapters/memory/mail.ts';
import { MigrationError } from '../../domain/errors.ts';
import type { MailConnector } from '../../domain/ports/mail.ts';
import { preflightMailbox } from '../../domain/preflight-mailbox.ts';
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

const look = (connector: MailConnector) =>
  preflightMailbox({ connector, source: account('old'), target: account('new'), mapping: {}, signal });

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
