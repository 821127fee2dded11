import { randomUUID } from 'node:crypto';
import type { Authority } from '../authority.ts';
import { type Account, MailStore } from '../imap/store.ts';
import { adminApi, administration } from './directory/administration.ts';
import { graphDirectory } from './directory/graph-directory.ts';
import { SKU_ID } from './directory/licences.ts';
import { Lifecycle } from './directory/lifecycle.ts';
import type { LabSku } from './directory/objects.ts';
import { TenantState } from './directory/state.ts';
import { ewsFront } from './ews/front.ts';
import { EwsSettings } from './ews/settings.ts';
import { Outgoing } from './flow/outgoing.ts';
import { graphBatch } from './graph/batch.ts';
import { defaultGraphBehaviour, type GraphBehaviour } from './graph/behaviour.ts';
import { Delta } from './graph/delta.ts';
import { graphMail } from './graph/graph-mail.ts';
import { Throttle } from './graph/throttle.ts';
import { UploadSessions } from './graph/upload-sessions.ts';
import { startHttpsServer } from './https-server.ts';
import { Access } from './identity/access.ts';
import { type ImapSignIn, imapSignIn } from './identity/imap-sign-in.ts';
import { tokenEndpoint } from './identity/token-endpoint.ts';
import type { MailContent } from './mail/content.ts';
import { Items } from './mail/items.ts';
import { PolicyPlaces, type RetentionRun } from './mail/policy-places.ts';
import { ReadReceipts } from './mail/read-receipts.ts';
import { ENGLISH_NAMES, makeSpecialFolders, type SpecialFolder } from './mail/special-folders.ts';
import { type Fault, Switchboard, type TenantCall } from './switchboard.ts';

export type { Fault, TenantCall };

export interface HostedTenantOptions {
  readonly authority: Authority;
  /** Domains for which the tenant accepts mail. */
  readonly domains: readonly string[];
  /** 0 (default) = chosen by the system. */
  readonly port?: number;
  readonly tenantId?: string;
  readonly clientId?: string;
  readonly clientSecret?: string;
  readonly tokenLifeSeconds?: number;
  /** Of the one licence that is sold. */
  readonly seats?: number;
  /** Several licences in place of the one. */
  readonly skus?: LabSku[];
  /** Where mail for the tenant is sent, as its domains' MX records say. */
  readonly mailHost?: string;
  /** From the licence to a usable mailbox; minutes in reality (exchange.md §6.1). */
  readonly readyAfterMs?: number;
  /** On by default, as in Exchange (exchange.md §6.3). */
  readonly activeSyncByDefault?: boolean;
  /** Rows in one page of a cmdlet's answer. */
  readonly pageSize?: number;
  /** Whether the Exchange Online Admin API (preview) is there; it is not everywhere. */
  readonly hasAdminApi?: boolean;
  readonly now?: () => number;
  /** What differs from {@link defaultGraphBehaviour}. */
  readonly graph?: Partial<GraphBehaviour>;
  /** What the special folders of new mailboxes are called; English by default. */
  readonly folderNames?: Readonly<Record<SpecialFolder, string>>;
  /** Where the mailboxes are; one of its own by default. */
  readonly store?: MailStore;
  /** A mailbox can be used from now on: give it its IMAP account. Aliases and lists come later; ask `state.resolve`. */
  readonly onMailbox?: (mailbox: { address: string; password: string; aliases: readonly string[] }) => void;
  /** Asked before each call; see {@link Fault}. */
  readonly fault?: (call: TenantCall) => Fault | null;
}

export interface HostedTenant {
  /** Base of Graph and of Exchange administration alike, with a slash at its end. */
  readonly baseUrl: string;
  readonly tokenUrl: string;
  readonly tenantId: string;
  readonly clientId: string;
  /** Who certifies its servers, for those that are started beside it. */
  readonly authority: Authority;
  readonly state: TenantState;
  readonly access: Access;
  /** What Exchange's IMAP says to a sign-in by token (exchange.md §5.1). */
  mayOpenByImap(token: string, user: string): ImapSignIn;
  /** A mailbox without the way through users and licences; its user is made with it. Twice is the same as once. */
  addMailbox(address: string, password?: string): Account;
  /** Does what retention policies do with old mail, once. @returns how many messages went out of their folders */
  runRetention(run: RetentionRun): number;
  /** Puts the tenant's clock forward: tokens end, windows pass, messages become visible. */
  advance(ms: number): void;
  /** How Graph's mail behaves; may be changed at any time. */
  readonly graph: GraphBehaviour;
  readonly throttle: Throttle;
  /** The mailboxes, which IMAP, Graph and EWS share. */
  readonly store: MailStore;
  readonly items: Items;
  /** Mail that the tenant wrote itself: must stay empty during an import. */
  readonly outgoing: Outgoing;
  /** Service accounts and limits of Exchange Web Services; may be set at any time. */
  readonly ews: EwsSettings;
  /** Every call so far by its name: `POST /v1.0/users`, or a cmdlet's name. */
  readonly calls: readonly string[];
  /** May be set at any time. */
  fault: ((call: TenantCall) => Fault | null) | null;
  close(): Promise<void>;
}

/**
 * A small hosted tenant: OAuth2, a slice of Microsoft Graph v1.0 and of Exchange's InvokeCommand over HTTPS with a certificate of the
 * lab's authority. Strict where the real one is: unknown properties, seats, usage location, taken addresses. A mailbox appears
 * only after its user was made and licensed.
 */
export async function startHostedTenant(options: HostedTenantOptions): Promise<HostedTenant> {
  const { tenantId = 'lab-tenant', clientId = 'lab-client', readyAfterMs = 300 } = options;
  let aheadMs = 0;
  const now = () => (options.now ?? Date.now)() + aheadMs;
  const state = new TenantState(options.domains, options.skus ?? options.seats ?? 1_000);
  state.now = now;
  const access = new Access({
    tenantId,
    clientId,
    clientSecret: options.clientSecret ?? 'lab-secret',
    tokenLifeSeconds: options.tokenLifeSeconds ?? 3_600,
    now,
  });
  const store = options.store ?? exchangeStore(now);
  const items = new Items(now);
  const places = new PolicyPlaces(store, state, items);
  const outgoing = new Outgoing();
  const receipts = new ReadReceipts(outgoing);
  store.onFlags = (before, after) => receipts.noteFlags(before, after);
  const folderNames = options.folderNames ?? ENGLISH_NAMES;
  const ews = new EwsSettings();
  const graph = { ...defaultGraphBehaviour(), ...options.graph };
  const throttle = new Throttle(graph, now);
  const uploads = new UploadSessions(throttle);
  const contents = new Map<number, MailContent>();
  const delta = new Delta();
  const world = {
    store,
    items,
    places,
    outgoing,
    receipts,
    behaviour: graph,
    folderNames,
    now,
    contents,
    uploads,
    delta,
  };
  const lifecycle = new Lifecycle({
    state,
    readyAfterMs,
    activeSyncByDefault: options.activeSyncByDefault ?? true,
    onMailbox: (mailbox) => {
      makeSpecialFolders(store.addAccount(mailbox.address, mailbox.password), folderNames);
      options.onMailbox?.(mailbox);
    },
  });
  state.mailboxRights = access.mailboxes;
  state.countItems = (address) =>
    (store.findAccount(address)?.listFolders() ?? []).reduce((sum, { messages }) => sum + messages.length, 0);

  const switchboard = new Switchboard();
  switchboard.fault = options.fault ?? null;
  switchboard.connect(
    tokenEndpoint(tenantId, access),
    administration({ tenantId, access, state, pageSize: options.pageSize ?? 1_000 }),
    ...(options.hasAdminApi === false
      ? []
      : [adminApi({ tenantId, access, state, pageSize: options.pageSize ?? 1_000 })]),
    graphMail({ world, access, state, throttle }),
    uploads.front,
    graphBatch((call) => switchboard.serve(call)),
    graphDirectory({ access, state, lifecycle, countryCode: 'DE', mailHost: options.mailHost ?? 'mx.hosted.test' }),
    ewsFront({ access, state, store, items, places, outgoing, receipts, folderNames, settings: ews, now }),
  );

  const server = await startHttpsServer(options.authority, options.port ?? 0, switchboard);
  const { baseUrl } = server;
  const tenant: HostedTenant = {
    baseUrl,
    tokenUrl: `${baseUrl}${tenantId}/oauth2/v2.0/token`,
    tenantId,
    clientId,
    authority: options.authority,
    state,
    access,
    mayOpenByImap: (token, user) => imapSignIn(access, state, token, user),
    addMailbox(address, password = 'lab-password') {
      const userPrincipalName = address.toLowerCase();
      const [mailNickname = ''] = userPrincipalName.split('@');
      const user = state.findUser(userPrincipalName) ?? {
        id: randomUUID(),
        userPrincipalName,
        displayName: mailNickname,
        mailNickname,
        accountEnabled: true,
        usageLocation: 'DE',
        password,
        licences: new Set([SKU_ID]),
        createdAt: new Date(now()).toISOString(),
        lastSignInAt: null,
      };
      state.users.set(userPrincipalName, user);
      lifecycle.make(user);
      return store.addAccount(userPrincipalName, password);
    },
    runRetention: (run) => places.run(run),
    advance(ms) {
      aheadMs += ms;
    },
    graph,
    throttle,
    store,
    items,
    outgoing,
    ews,
    calls: switchboard.calls,
    get fault() {
      return switchboard.fault;
    },
    set fault(fault) {
      switchboard.fault = fault;
    },
    async close() {
      lifecycle.close();
      await server.close();
    },
  };
  return tenant;
}

/** Mailboxes as Exchange names their folders: alike in any case; a slash in a name is another character to IMAP (recalled). */
function exchangeStore(now: () => number): MailStore {
  return new MailStore({ caseInsensitiveNames: true, separatorShownAs: '\uF8FF', now: () => new Date(now()) });
}
