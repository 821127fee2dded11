/** The commands of an operator that need no service: the script for the tenant, and how a mailbox's routes are shown. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { renderMailbox } from '../../cli/render-mailbox.ts';
import { runCli } from '../../cli/run.ts';
import { EMPTY_TALLY } from '../../domain/mail.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mailferry-script-'));
  writeFileSync(join(folder, 'mailboxes.csv'), 'address;name;source user;source secret;target secret\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function cli(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const [outs, errs]: [string[], string[]] = [[], []];
  const io = { env: {}, isTerminal: false, width: null, signal: new AbortController().signal };
  const out = (text: string) => void outs.push(text);
  const err = (text: string) => void errs.push(text);
  const code = await runCli(args, { ...io, out, err });
  return { code, out: outs.join(''), err: errs.join('') };
}

test('a plan that is not there is a usage error', async () => {
  const { code, err } = await cli('tenant', 'script', join(folder, 'none.yaml'), join(folder, 'mailboxes.csv'));
  expect(code).toBe(2);
  expect(err).toContain('none.yaml');
});

const EXAMPLE = ['docs/examples/exchange-online.yaml', 'docs/examples/mailboxes.csv'] as const;

test('the script of the example grants the rights of its applications, for the mailboxes of the list', async () => {
  const { code, out, err } = await cli('tenant', 'script', ...EXAMPLE);
  expect([code, err]).toEqual([0, '']);
  expect(out).toContain("'anna@example.org'");
  for (const right of [
    'IMAP.AccessAsApp',
    'Mail-Advanced.ReadWrite.All',
    'Exchange.ManageAsApp',
    'Application Mail.ReadWrite',
  ])
    expect(out).toContain(right);
  const removal = await cli('tenant', 'script', ...EXAMPLE, '--remove');
  expect(removal.out).toContain('Remove-MailboxPermission');
  expect(removal.out).not.toMatch(/^\s*(New|Add)-/m);
});

test('a plain IMAP target has no applications to grant anything to', async () => {
  const { code, err } = await cli('tenant', 'script', 'docs/examples/plan.yaml', 'docs/examples/mailboxes.csv');
  expect(code).toBe(2);
  expect(err).toContain('no tenant of Exchange Online');
});

test('one mailbox shows its routes, the one in use, and why not the others', () => {
  const probedAt = '2026-11-26T05:00:00.000Z';
  const io = { env: {}, out() {}, err() {}, isTerminal: false, width: null, signal: new AbortController().signal };
  const text = renderMailbox(io, {
    ...{ id: 'mbx_1', migrationId: 'mig_1', address: 'ann@example.test', displayName: 'Ann', sourceUser: 'ann' },
    ...{ targetUser: 'ann@example.test', status: 'copied', heldCode: null, heldMessage: null, preflight: null },
    ...{ tally: EMPTY_TALLY, lastPass: null },
    routes: {
      verdicts: [
        { route: 'imap', usable: false, fidelity: null, findings: ['IMAP_OFF: it is off', 'Turn it on.'], probedAt },
        { route: 'import-mime', usable: true, fidelity: 'content', findings: [], probedAt },
      ],
      ...{ chosen: 'import-mime', probedAt, doubt: null },
    },
  });
  expect(text).toMatch(/^imap +not usable +IMAP_OFF: it is off; Turn it on\.$/m);
  expect(text).toMatch(/^import-mime \* +usable +content/m);
  expect(text).toContain(`* mail goes by this one. Probed ${probedAt}.`);
});
