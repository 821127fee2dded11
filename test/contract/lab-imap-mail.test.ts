import { createImapConnector } from '../../adapters/imap/connector.ts';
import type { MailAccount } from '../../domain/ports/mail.ts';
import { ALL_CAPABILITIES, EXCHANGE_CAPABILITIES } from '../../lab/imap/options.ts';
import { startImapServer } from '../../lab/imap/server.ts';
import { MailStore } from '../../lab/imap/store.ts';
import { mailSourceContract } from './mail-source.suite.ts';
import { mailTargetContract } from './mail-target.suite.ts';

const connector = createImapConnector({ resolve: async () => 'secret' });

async function startLab(capabilities: readonly string[], separator: string) {
  const store = new MailStore({ separator });
  const account = store.addAccount('ann@example.test', 'secret');
  const server = await startImapServer({ store, capabilities });
  const { host, port } = server;
  const endpoint = { host, port, security: 'none', allowInsecure: true, caFile: null, maxConnections: 4 } as const;
  const mailAccount: MailAccount = { endpoint, user: 'ann@example.test', secret: 'env:X' };
  return { account, server, mailAccount, signal: new AbortController().signal };
}

const VARIANTS = [
  ['all capabilities', ALL_CAPABILITIES, '/'],
  ['the capabilities of Exchange', EXCHANGE_CAPABILITIES, '/'],
  ['T52: nothing but IMAP4rev1', ['IMAP4rev1'], '.'],
] as const;

for (const [name, capabilities, separator] of VARIANTS) {
  const specialUse = capabilities.some((capability) => capability === 'SPECIAL-USE');

  mailSourceContract(`IMAP, lab server with ${name}`, async () => {
    const { account, server, mailAccount, signal } = await startLab(capabilities, separator);
    return {
      open: () => connector.openSource(mailAccount, signal),
      addFolder: async (path, role = null) => void account.ensureFolder(path, role),
      addMessage: async (path, { raw, flags = [], internalDate }) => {
        const date = internalDate === undefined ? {} : { internalDate: new Date(internalDate) };
        account.ensureFolder(path).append({ raw, flags, ...date });
      },
      removeMessage: async (path, at) => {
        const folder = account.ensureFolder(path);
        folder.expunge([folder.messages[at]?.uid ?? 0]);
      },
      setFlags: async (path, at, flags) => {
        const folder = account.ensureFolder(path);
        folder.setFlags(folder.messages[at]?.uid ?? 0, new Set(flags));
      },
      close: () => server.close(),
      can: {
        specialUse,
        tracks: capabilities.some((capability) => capability === 'QRESYNC') ? 'flags-and-vanished' : 'nothing',
        anyBytes: true,
        renumber: async (path) => account.ensureFolder(path).renumber(4242),
      },
    };
  });

  mailTargetContract(`IMAP, lab server with ${name}`, async () => {
    const { account, server, mailAccount, signal } = await startLab(capabilities, separator);
    return {
      open: () => connector.openTarget(mailAccount, signal),
      addFolder: async (path, role = null) => void account.ensureFolder(path, role),
      close: () => server.close(),
      can: { specialUse, keywords: true },
    };
  });
}
