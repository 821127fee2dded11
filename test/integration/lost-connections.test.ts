import { afterEach, describe, expect, test } from 'vitest';
import { MemoryLedger } from '../../adapters/memory/ledger.ts';
import { copyMailbox } from '../../domain/copy-mailbox.ts';
import { MigrationError } from '../../domain/errors.ts';
import { verifyMailbox } from '../../domain/verify-mailbox.ts';
import { ALL_CAPABILITIES } from '../../lab/imap/options.ts';
import { type ImapLabServer, startImapServer } from '../../lab/imap/server.ts';
import { MailStore } from '../../lab/imap/store.ts';
import { imapConnector, PASSWORD, plainAccount, neverAborted as signal } from '../support/imap-accounts.ts';
import { ALONE } from '../support/memory-world.ts';

const MAILBOX = { id: 'mbx-1', mapping: {} };
const PASS = { kind: 'initial', number: 1 } as const;
const servers: ImapLabServer[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** Cuts the connection at every `period`-th answer to `command`; with a tagged answer its effect has happened by then. */
function cutting(command: string, period: number, needle: string) {
  let count = 0;
  return {
    onResponse: (response: Buffer, seen: { readonly name: string } | null) => {
      if (seen?.name !== command || !response.includes(needle)) return undefined;
      count += 1;
      return count % period === 0 ? ('drop' as const) : undefined;
    },
  };
}

const without = (...names: string[]) => ALL_CAPABILITIES.filter((name) => !names.includes(name));

describe.each([
  ['with MULTIAPPEND and UIDPLUS', ALL_CAPABILITIES],
  ['without MULTIAPPEND', without('MULTIAPPEND')],
  ['without UIDPLUS', without('UIDPLUS')],
  ['without either', without('MULTIAPPEND', 'UIDPLUS')],
])('over connections that break, to a target %s', (_, capabilities) => {
  test('T37, T50, T51: every message arrives once', async () => {
    const from = new MailStore();
    const to = new MailStore();
    const owner = from.addAccount('ann', PASSWORD);
    to.addAccount('ann', PASSWORD);
    for (let n = 0; n < 240; n += 1) {
      const raw = Buffer.from(`Subject: ${n % 10}\r\n\r\nevery tenth is a twin\r\n`);
      owner.ensureFolder(n % 2 === 0 ? ['INBOX'] : ['Sent']).append({ raw });
    }
    const sourceServer = await startImapServer({ store: from, hooks: cutting('UID FETCH', 29, 'BODY[]') });
    const targetServer = await startImapServer({
      store: to,
      capabilities,
      hooks: cutting('APPEND', capabilities.includes('MULTIAPPEND') ? 3 : 40, ' OK '),
    });
    servers.push(sourceServer, targetServer);
    const ledger = new MemoryLedger();
    ledger.addMailbox(MAILBOX.id);

    let cuts = 0;
    for (let done = false; !done; ) {
      const source = await imapConnector.openSource(plainAccount(sourceServer.port, 'ann'), signal);
      const target = await imapConnector.openTarget(plainAccount(targetServer.port, 'ann'), signal);
      const lease = await ledger.takeLease(MAILBOX.id, 'worker');
      try {
        await copyMailbox({
          source,
          target,
          ledger,
          lease,
          mailbox: MAILBOX,
          pass: PASS,
          signal,
          ...ALONE,
          failures: cuts,
        });
        done = true;
      } catch (error) {
        if (!(error instanceof MigrationError) || error.code !== 'CONNECTION_LOST') throw error;
        cuts += 1;
        expect(cuts).toBeLessThan(200); // at least one message gets through in each attempt
      }
      await source.close();
      await target.close();
    }

    expect(cuts).toBeGreaterThanOrEqual(6);
    const arrived = to
      .findAccount('ann')
      ?.listFolders()
      .map(({ path, messages }) => [path.join('/'), messages.length]);
    expect(arrived).toEqual([
      ['INBOX', 120],
      ['Sent', 120],
    ]);
    const target = await imapConnector.openTarget(plainAccount(targetServer.port, 'ann'), signal);
    const lease = await ledger.takeLease(MAILBOX.id, 'verifier');
    expect(await verifyMailbox({ target, ledger, lease, mailboxId: MAILBOX.id, pass: PASS, signal })).toMatchObject({
      lost: 0,
      doubled: 0,
    });
    await target.close();
  });
});
