/** A mailbox in memory that moves into the simulated tenant by one route, whichever it is. */
import type { MailTarget } from '../../domain/ports/mail.ts';
import type { Route } from '../../domain/routes.ts';
import { type VerifyReport, verifyMailbox } from '../../domain/verify-mailbox.ts';
import type { HostedTenant } from '../../lab/exchange/tenant.ts';
import type { Account } from '../../lab/imap/store.ts';
import { CopyFromMemory } from './copy-from-memory.ts';
import { EwsWorld } from './ews-world.ts';
import { ExchangeLab } from './exchange-imap.ts';
import { GraphMailbox } from './graph-mailbox.ts';
import { INITIAL } from './memory-world.ts';

export interface RouteWorld extends CopyFromMemory {
  readonly tenant: HostedTenant;
  readonly account: Account;
  close(): Promise<void>;
}

class GraphWorld extends CopyFromMemory implements RouteWorld {
  readonly #mailbox: GraphMailbox;
  readonly #route: 'graph-json' | 'import-mime';

  constructor(mailbox: GraphMailbox, route: 'graph-json' | 'import-mime') {
    super();
    this.#mailbox = mailbox;
    this.#route = route;
  }

  get tenant(): HostedTenant {
    return this.#mailbox.tenant;
  }

  get account(): Account {
    return this.#mailbox.account;
  }

  async open(): Promise<MailTarget> {
    return await this.#mailbox.open(this.#route, { timeoutMs: 30_000 });
  }

  async close(): Promise<void> {
    await this.#mailbox.close();
  }
}

/** @param refuses  what the tenant says to each message that is about to be stored; null takes it */
export async function startRouteWorld(
  route: Route,
  refuses: ((raw: string) => Refused | null) | null = null,
): Promise<RouteWorld> {
  if (route === 'imap') {
    const lab = await ExchangeLab.start();
    if (refuses !== null) {
      lab.imap.faults = {
        onAppend: (message) => {
          const refused = refuses(message.raw.toString('latin1'));
          return refused === null ? message : { reply: refused.imap };
        },
      };
    }
    return lab;
  }
  const world = route === 'ews' ? await EwsWorld.start() : new GraphWorld(await GraphMailbox.start(), route);
  if (route === 'ews') world.tenant.ews.reEncodes = true;
  if (refuses !== null) {
    world.tenant.fault = ({ name, body }) => {
      if (!WRITES.test(name)) return null;
      const refused = refuses(textOf(body.toString('latin1')));
      if (refused === null) return null;
      if (route === 'ews')
        return { status: 200, body: ewsRefusal(refused.code), headers: { 'content-type': 'text/xml' } };
      return { status: 400, body: { error: { code: refused.code, message: 'Refused.' } } };
    };
  }
  return world;
}

/** The same in the words of each door. */
export interface Refused {
  readonly imap: string;
  readonly code: string;
}

const WRITES = /^(CreateItem$|POST \/(v1\.0|beta)\/users\/[^/]+\/mailFolders\/[^/]+\/(messages|importMime)$)/;

/** What a request carries, with its base64 undone. */
function textOf(body: string): string {
  const mime = /<(?:\w+:)?MimeContent[^>]*>([^<]+)</.exec(body)?.[1] ?? (/^[\w+/=\s]+$/.test(body) ? body : '');
  return `${body}\n${Buffer.from(mime, 'base64').toString('latin1')}`;
}

function ewsRefusal(code: string): string {
  const messages = 'http://schemas.microsoft.com/exchange/services/2006/messages';
  return (
    '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>' +
    `<m:CreateItemResponse xmlns:m="${messages}"><m:ResponseMessages><m:CreateItemResponseMessage ResponseClass="Error">` +
    `<m:MessageText>Refused.</m:MessageText><m:ResponseCode>${code}</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>` +
    '<m:Items/></m:CreateItemResponseMessage></m:ResponseMessages></m:CreateItemResponse></s:Body></s:Envelope>'
  );
}

/** Re-reads the target, and where it has to the source. */
export async function verifyRoute(world: RouteWorld, pass = INITIAL): Promise<VerifyReport> {
  const target = await world.open();
  try {
    return await verifyMailbox({
      target,
      openSource: async () => ({ source: world.source.openSource(), close: async () => undefined }),
      ledger: world.ledger,
      lease: await world.ledger.takeLease('mbx-1', 'verifier'),
      mailboxId: 'mbx-1',
      pass,
    });
  } finally {
    await target.close();
  }
}
