import { ImapFlow } from 'imapflow';
import { afterAll, beforeAll, describe } from 'vitest';
import type { FolderPath, FolderRole } from '../../domain/mail.ts';
import { type Cyrus, startCyrus } from '../../lab/cyrus.ts';
import { ATTRIBUTE_OF_ROLE } from '../../lab/imap/commands/list.ts';
import { imapConnector, neverAborted, PASSWORD, plainAccount } from '../support/imap-accounts.ts';
import { mailSourceContract } from './mail-source.suite.ts';
import { mailTargetContract } from './mail-target.suite.ts';

describe.each([
  ['folders beside INBOX, /', true],
  ['folders below INBOX, .', false],
])('on a real server, %s', (name, modern) => {
  let cyrus: Cyrus;
  let accounts = 0;

  beforeAll(async () => {
    cyrus = await startCyrus({ users: [], altnamespace: modern, unixhierarchysep: modern });
  });
  afterAll(async () => {
    await cyrus?.stop();
  });

  /** A new account, which Cyrus makes at the first sign-in, and a client of its owner. */
  async function newAccount() {
    accounts += 1;
    const user = `owner${accounts}`;
    const owner = new ImapFlow({
      host: cyrus.host,
      port: cyrus.port,
      secure: false,
      doSTARTTLS: false,
      auth: { user, pass: PASSWORD },
      logger: false,
      disableAutoIdle: true,
      // Its literal8 would let NUL through (RFC 3516); plain mail is what is meant here.
      disableBinary: true,
    });
    await owner.connect();
    const ensure = async (path: FolderPath, role: FolderRole = null) => {
      if (path.join() === 'INBOX') return;
      if (role !== null && role !== 'inbox') await createWithUse(owner, path, ATTRIBUTE_OF_ROLE[role]);
      else await owner.mailboxCreate([...path]);
    };
    return { owner, account: plainAccount(cyrus.port, user), ensure };
  }

  mailSourceContract(`IMAP, Cyrus, ${name}`, async () => {
    const { owner, account, ensure } = await newAccount();
    return {
      open: () => imapConnector.openSource(account, neverAborted),
      addFolder: ensure,
      addMessage: async (path, { raw, flags = [], internalDate }) => {
        await ensure(path);
        await owner.append([...path], raw, [...flags], internalDate);
      },
      removeMessage: async (path, at) => {
        const lock = await owner.getMailboxLock([...path]);
        await owner.messageDelete(String(at + 1));
        lock.release();
      },
      setFlags: async (path, at, flags) => {
        const lock = await owner.getMailboxLock([...path]);
        await owner.messageFlagsSet(String(at + 1), [...flags]);
        lock.release();
      },
      close: () => owner.logout(),
      can: { specialUse: true, tracks: 'flags-and-vanished', anyBytes: false, refusesOddBytes: true, renumber: null },
    };
  });

  mailTargetContract(`IMAP, Cyrus, ${name}`, async () => {
    const { owner, account, ensure } = await newAccount();
    return {
      open: () => imapConnector.openTarget(account, neverAborted),
      addFolder: ensure,
      close: () => owner.logout(),
      can: { specialUse: true, keywords: true, mungesHeaders: true },
    };
  });
});

/** CREATE with a special use (RFC 6154 §3), for which imapflow 2.10.2 has no call; `exec` is not in its typings. */
async function createWithUse(owner: ImapFlow, path: FolderPath, attribute: string): Promise<void> {
  const { prefix = '', delimiter } = owner.namespace ?? {};
  const atom = (value: string) => ({ type: 'ATOM', value });
  const name = { type: 'STRING', value: prefix + path.join(delimiter ?? '') };
  const { exec } = owner as unknown as { exec: (command: string, args: unknown[]) => Promise<{ next: () => void }> };
  const answer = await exec.call(owner, 'CREATE', [name, [atom('USE'), [atom(attribute)]]]);
  answer.next();
}
