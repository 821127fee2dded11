import { afterEach, beforeEach, expect, test } from 'vitest';
import { createMemoryMailConnector, MemoryMailSystem } from '../../adapters/memory/mail.ts';
import { ERRORS, isErrorCode } from '../../domain/errors.ts';
import { preflightMailbox } from '../../domain/preflight-mailbox.ts';
import { ExchangeLab, OWNER } from '../support/exchange-imap.ts';

let lab: ExchangeLab;

beforeEach(async () => {
  lab = await ExchangeLab.start();
});
afterEach(() => lab.close());

/** What the operator is shown for one mailbox: the code, the words of the fault, and the remedy. */
async function preflight(auth: 'xoauth2' | 'password' = 'xoauth2') {
  const source = new MemoryMailSystem();
  source.addMessage(['INBOX'], 'Subject: x\r\n\r\nx\r\n');
  const memory = createMemoryMailConnector({ ann: source });
  const target = lab.mailAccount(OWNER, { auth });
  const verdict = await preflightMailbox({
    connector: {
      openSource: (account, signal) => memory.openSource(account, signal),
      openTarget: (account, signal, options) => lab.connector().openTarget(account, signal, options),
    },
    source: { ...target, user: 'ann' },
    target,
    mapping: {},
    signal: new AbortController().signal,
  });
  const remedy = isErrorCode(verdict.code) ? ERRORS[verdict.code].remedy : null;
  return { ...verdict, remedy };
}

test('T58: a target that lets the application in passes', async () => {
  expect(await preflight()).toMatchObject({ ok: true, code: null });
});

test.each([
  [
    'no permission',
    () => lab.application.roles.clear(),
    'IMAP_APP_UNKNOWN',
    'IMAP.AccessAsApp',
    'New-ServicePrincipal',
  ],
  [
    'no access to the mailbox',
    () => lab.tenant.access.mailboxes.removeFullAccess(OWNER, 'transfer'),
    'IMAP_NOT_CONNECTED',
    'may not use it',
    'Add-MailboxPermission',
  ],
  [
    'no licence',
    () => lab.tenant.state.findUser(OWNER)?.licences.clear(),
    'IMAP_NOT_CONNECTED',
    'no licence',
    'Get-CASMailbox',
  ],
] as const)(
  'T55, T58: with %s it names what is missing, and the command that mends it',
  async (_case, spoil, code, words, command) => {
    spoil();
    const { ok, message, remedy, ...verdict } = await preflight();
    expect({ ok, code: verdict.code }).toEqual({ ok: false, code });
    expect(message).toMatch(/^Target/);
    expect(message).toContain(words);
    expect(remedy).toContain(command);
  },
);

test('T58: a password at Exchange Online is told what is wanted in its place', async () => {
  const { ok, message } = await preflight('password');
  expect(ok).toBe(false);
  expect(message).toContain('xoauth2');
});
