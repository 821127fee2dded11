/** Both ways into a mailbox by Microsoft Graph, held to what every mail target promises, against the lab's tenant. */
import type { GraphRoute } from '../../adapters/graph/mail-connector.ts';
import { GraphMailbox } from '../support/graph-mailbox.ts';
import { mailTargetContract } from './mail-target.suite.ts';

const FLAGS = {
  'graph-json': ['\\Seen', '\\Flagged', '\\Answered', '\\Draft'],
  // importMime makes no drafts (exchange.md §1.5).
  'import-mime': ['\\Seen', '\\Flagged', '\\Answered'],
} as const satisfies Record<GraphRoute, readonly string[]>;

for (const route of ['graph-json', 'import-mime'] as const) {
  mailTargetContract(`Graph, ${route}`, async () => {
    const mailbox = await GraphMailbox.start({ graph: { visibleAfterMs: 30_000 } });
    return {
      open: () => mailbox.open(route),
      addFolder: async (path, role = null) => mailbox.addFolder(path, role),
      addHiddenFolder: async (path) => mailbox.tenant.items.hide(mailbox.account.ensureFolder(path)),
      settle: async () => mailbox.pass(30_000),
      close: () => mailbox.close(),
      can: { specialUse: true, keywords: true, flags: FLAGS[route], caseInsensitive: true },
    };
  });
}
