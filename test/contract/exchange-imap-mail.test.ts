import { ExchangeLab } from '../support/exchange-imap.ts';
import { mailTargetContract } from './mail-target.suite.ts';

for (const auth of ['xoauth2', 'password'] as const) {
  mailTargetContract(`Exchange's IMAP of a lab tenant, by ${auth}`, async () => {
    const edition = auth === 'password' ? 'server' : 'online';
    const lab = await ExchangeLab.start({ imap: { edition } });
    return {
      open: () => lab.open(lab.mailAccount(undefined, { auth })),
      addFolder: async (path, role = null) => {
        const own = lab.account.listFolders().find((folder) => role !== null && folder.role === role);
        // A mailbox has one folder of each role, whatever it is called.
        if (own) lab.account.renameFolder(own, lab.tenant.store.wireName(path));
        else lab.account.ensureFolder(path, role);
      },
      addHiddenFolder: async (path) => lab.tenant.items.hide(lab.account.ensureFolder(path)),
      close: () => lab.close(),
      // Roles are not told (exchange.md §5.2): folders are known by their names.
      can: { specialUse: false, keywords: false, caseInsensitive: true },
    };
  });
}
