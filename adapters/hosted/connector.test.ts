import { describe, expect, test } from 'vitest';
import type { MailAccount } from '../../domain/ports/mail.ts';
import type { RouteVerdict } from '../../domain/routes.ts';
import { plainAccount } from '../../test/support/imap-accounts.ts';
import { createMemoryMailConnector, MemoryMailSystem } from '../memory/mail.ts';
import { createHostedConnector, type RouteOpener, type RouteOpeners } from './connector.ts';

const SIGNAL = new AbortController().signal;

function verdict(route: RouteVerdict['route'], more: Partial<RouteVerdict> = {}): RouteVerdict {
  return { route, usable: true, fidelity: 'content', findings: [], probedAt: '2026-11-26T00:00:00Z', ...more };
}

function newWorld(routes: readonly RouteVerdict[]) {
  const system = new MemoryMailSystem();
  const opened: string[] = [];
  const opener = (route: RouteVerdict['route']): RouteOpener => ({
    async openTarget() {
      opened.push(route);
      return system.openTarget({ route, ...(route === 'import-mime' && { maxMessageBytes: 3_000_000 }) });
    },
    openProbe: async () => Promise.reject(new Error('not asked for')),
  });
  const openers: RouteOpeners = {
    imap: opener('imap'),
    'graph-json': opener('graph-json'),
    'import-mime': opener('import-mime'),
  };
  const { endpoint: imap } = plainAccount(143, 'ann');
  const api = {
    baseUrl: 'https://graph.example.test',
    tenantId: 't',
    clientId: 'c',
    clientSecret: null,
    tokenUrl: '',
    caFile: null,
  };
  const smtp = { host: 'mx.example.test', port: 25 };
  const hosted = { kind: 'hosted-exchange', imap, graph: api, exchangeAdmin: api, smtp, redirectTo: smtp } as const;
  const account: MailAccount = {
    ...{ endpoint: imap, user: 'ann@example.test', secret: 'env:NOTHING' },
    hosted: { address: 'ann@example.test', target: hosted, routes },
  };
  return { connector: createHostedConnector(createMemoryMailConnector({}), openers), account, opened };
}

describe('a mailbox of hosted Exchange', () => {
  test('is written by the chosen route, with those beside it that take what it cannot hold', async () => {
    const { connector, account, opened } = newWorld([
      verdict('import-mime', { keepsSignatures: false }),
      verdict('imap'),
      verdict('ews'),
    ]);
    const target = await connector.openTarget(account, SIGNAL);
    expect(target.routes).toEqual([
      { route: 'import-mime', fidelity: 'content', maxMessageBytes: 3_000_000, keepsSignatures: false },
      { route: 'imap', fidelity: 'content', maxMessageBytes: null, keepsSignatures: true },
    ]);
    expect(target).toMatchObject({ route: 'import-mime', fidelity: 'content', maxMessageBytes: null });
    expect(opened).toEqual(['import-mime']);
    const inbox = await target.ensureFolder(['INBOX'], 'inbox');
    const message = { raw: Buffer.from('Subject: x\r\n\r\nx\r\n'), flags: [], receivedAt: null };
    for (const route of ['import-mime', 'imap', 'imap'] as const) await target.append(inbox, { ...message, route });
    expect(opened).toEqual(['import-mime', 'imap']);
    expect(await target.getStatus(inbox)).toMatchObject({ exists: 3 });
    await target.close();
  });

  test('is a JSON message what it is, however well the known one came through', async () => {
    const { connector, account } = newWorld([
      verdict('imap', { fidelity: 'bytes' }),
      verdict('graph-json', { fidelity: 'bytes', keepsSignatures: true }),
    ]);
    const target = await connector.openTarget(account, SIGNAL);
    expect(target.routes?.map(({ route, fidelity, keepsSignatures }) => [route, fidelity, keepsSignatures])).toEqual([
      ['imap', 'bytes', true],
      ['graph-json', 'parts', false],
    ]);
  });
});
