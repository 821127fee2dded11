import { ImapFlow } from 'imapflow';
import { afterAll, beforeAll, describe } from 'vitest';
import type { FolderPath } from '../../domain/mail.ts';
import { type Dovecot, findDovecot, startDovecot } from '../../lab/dovecot.ts';
import { imapConnector, neverAborted, PASSWORD, plainAccount } from '../support/imap-accounts.ts';
import { mailSourceContract } from './mail-source.suite.ts';
import { mailTargetContract } from './mail-target.suite.ts';

if (findDovecot() === null)
  console.warn('Dovecot is not installed (package dovecot-imapd): its contract is not tested.');

describe.skipIf(findDovecot() === null)('on a real server', () => {
  let dovecot: Dovecot;
  let accounts = 0;

  beforeAll(async () => {
    // All at once: Dovecot looks at the seconds of its password file, so a user added in the same second is not seen.
    const users = [...Array(80).keys()].map((at) => ({ name: `owner${at + 1}`, password: PASSWORD }));
    dovecot = await startDovecot({ users });
  });
  afterAll(async () => {
    await dovecot?.stop();
  });

  /** A new account, and a client of its owner. */
  async function newAccount() {
    accounts += 1;
    const user = `owner${accounts}`;
    const owner = new ImapFlow({
      host: dovecot.host,
      port: dovecot.port,
      secure: false,
      doSTARTTLS: false,
      auth: { user, pass: PASSWORD },
      logger: false,
      disableAutoIdle: true,
    });
    await owner.connect();
    const account = plainAccount(dovecot.port, user);
    const ensure = async (path: FolderPath) => {
      if (path.join() !== 'INBOX') await owner.mailboxCreate([...path]);
    };
    return { owner, account, ensure };
  }

  mailSourceContract('IMAP, Dovecot', async () => {
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
      // Dovecot gives `Gesendet` no use by itself, and mends line ends and NUL.
      can: { specialUse: false, tracks: 'flags-and-vanished', anyBytes: false, renumber: null },
    };
  });

  mailTargetContract('IMAP, Dovecot', async () => {
    const { owner, account, ensure } = await newAccount();
    return {
      open: () => imapConnector.openTarget(account, neverAborted),
      addFolder: ensure,
      close: () => owner.logout(),
      can: { specialUse: true, keywords: true },
    };
  });
});
