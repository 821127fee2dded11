import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { createEwsConnector } from '../../adapters/ews/connector.ts';
import { type Authority, createAuthority } from '../../lab/authority.ts';
import { startHostedTenant } from '../../lab/exchange/tenant.ts';
import { mailTargetContract } from './mail-target.suite.ts';

const MAILBOX = 'ann@harbour.test';

let authority: Authority;
let folder: string;
let caFile: string;

beforeAll(async () => {
  authority = await createAuthority();
  folder = await mkdtemp(join(tmpdir(), 'mailferry-ews-'));
  caFile = join(folder, 'ca.pem');
  await writeFile(caFile, authority.caPem);
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

mailTargetContract('EWS of a lab server', async () => {
  const tenant = await startHostedTenant({ authority, domains: ['harbour.test'] });
  tenant.ews.serviceAccounts.set('migration@harbour.test', { password: 'secret', mayImpersonate: true });
  const account = tenant.store.addAccount(MAILBOX, 'its own');
  const connector = createEwsConnector({ secrets: { resolve: async () => 'secret' }, visibleAfterMs: 0 });
  const endpoint = {
    url: `${tenant.baseUrl}EWS/Exchange.asmx`,
    auth: 'basic',
    user: 'migration@harbour.test',
    secret: 'env:X',
    caFile,
  } as const;
  return {
    open: () => connector.openTarget(endpoint, MAILBOX, new AbortController().signal),
    addFolder: async (path, role = null) => void account.ensureFolder(path, role),
    addHiddenFolder: async (path) => tenant.items.hide(account.ensureFolder(path)),
    close: () => tenant.close(),
    can: { specialUse: true, keywords: true, caseInsensitive: true },
  };
});
