/** One mailbox of the lab's tenant and sessions on it over Microsoft Graph. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createGraphMailConnector,
  type GraphMailConnector,
  type GraphRoute,
} from '../../adapters/graph/mail-connector.ts';
import { createTokenPool } from '../../adapters/graph/token-pool.ts';
import type { FolderPath, FolderRole } from '../../domain/mail.ts';
import type { AdminEndpoint } from '../../domain/plan.ts';
import type { MailTarget, TargetOptions } from '../../domain/ports/mail.ts';
import type { ProbeSession } from '../../domain/ports/route-probe.ts';
import { type Authority, createAuthority } from '../../lab/authority.ts';
import { type Fault, type HostedTenant, startHostedTenant, type TenantCall } from '../../lab/exchange/tenant.ts';
import type { Account } from '../../lab/imap/store.ts';

export const ADDRESS = 'anna@harbour.test';
const DOMAIN = 'harbour.test';

let shared: { readonly authority: Authority; readonly caFile: string } | null = null;

async function makeAuthority() {
  const authority = await createAuthority();
  const folder = mkdtempSync(join(tmpdir(), 'mailferry-graph-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const caFile = join(folder, 'ca.pem');
  writeFileSync(caFile, authority.caPem);
  return { authority, caFile };
}

export class GraphMailbox {
  readonly tenant: HostedTenant;
  /** Of the tenant and of every session: it moves only by {@link pass} and by waiting. */
  readonly clock: { now: number };
  readonly #endpoint: AdminEndpoint;
  readonly #signal = new AbortController().signal;

  private constructor(tenant: HostedTenant, clock: { now: number }, caFile: string) {
    this.tenant = tenant;
    this.clock = clock;
    const { baseUrl, tokenUrl, tenantId, clientId } = tenant;
    this.#endpoint = { baseUrl, tokenUrl, tenantId, clientId, clientSecret: 'env:SECRET', caFile };
  }

  static async start(options: Partial<Parameters<typeof startHostedTenant>[0]> = {}): Promise<GraphMailbox> {
    shared ??= await makeAuthority();
    const clock = { now: Date.parse('2026-11-26T12:00:00Z') };
    const { authority, caFile } = shared;
    const now = () => clock.now;
    const tenant = await startHostedTenant({ authority, domains: [DOMAIN], readyAfterMs: 0, now, ...options });
    tenant.addMailbox(ADDRESS);
    return new GraphMailbox(tenant, clock, caFile);
  }

  get account(): Account {
    const account = this.tenant.store.findAccount(ADDRESS);
    if (account === null) throw new Error('the tenant has no such mailbox');
    return account;
  }

  async open(route: GraphRoute, options: TargetOptions & { readonly timeoutMs?: number } = {}): Promise<MailTarget> {
    return await this.#connector(options.timeoutMs).openTarget(this.#endpoint, ADDRESS, route, this.#signal, options);
  }

  async openProbe(route: GraphRoute): Promise<ProbeSession> {
    return await this.#connector().openProbe(this.#endpoint, ADDRESS, route, this.#signal);
  }

  #connector(timeoutMs = 5_000): GraphMailConnector {
    const now = () => this.clock.now;
    return createGraphMailConnector({
      tokens: createTokenPool({ secrets: { resolve: () => Promise.resolve('lab-secret') }, timeoutMs, now }),
      timeoutMs,
      now,
      pause: (ms) => this.wait(ms),
    });
  }

  pass(ms: number): void {
    this.clock.now += ms;
  }

  /** In no time; whoever waits lets servers answer meanwhile. */
  async wait(ms: number): Promise<void> {
    this.pass(ms);
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  }

  /** A folder with a role takes the place of the one that the mailbox was born with. */
  addFolder(path: FolderPath, role: FolderRole = null): void {
    const { account, tenant } = this;
    const born = role === null ? undefined : account.listFolders().find((folder) => folder.role === role);
    if (born === undefined) account.ensureFolder(path, role);
    else account.renameFolder(born, tenant.store.wireName(path));
  }

  /** Every call but for tokens is asked for its fault. */
  fault(choose: (call: TenantCall, number: number) => Fault | null): {
    readonly calls: readonly string[];
    fired: number;
  } {
    const calls: string[] = [];
    const seen = { calls, fired: 0 };
    this.tenant.fault = (call) => {
      if (call.path.endsWith('/token')) return null;
      calls.push(call.name);
      const fault = choose(call, calls.length);
      if (fault !== null) seen.fired += 1;
      return fault;
    };
    return seen;
  }

  /** The mailbox as its owner sees it: folders that are not hidden, with their messages in any order. */
  seen(): Readonly<Record<string, readonly string[]>> {
    const folders = this.account.listFolders().filter((folder) => !this.tenant.items.isHidden(folder));
    return Object.fromEntries(
      folders.map(({ path, messages }) => {
        const mails = messages.map((message) => {
          const item = this.tenant.items.of(message);
          const subject = /^Subject: (.*)$/im.exec(message.raw.toString('latin1'))?.[1]?.trim() ?? '';
          const flags = [...message.flags, ...item.categories].toSorted();
          return [subject, flags.join(' '), message.internalDate.toISOString(), item.isDraft].join(' | ');
        });
        return [path.join('/'), mails.toSorted()] as const;
      }),
    );
  }

  async close(): Promise<void> {
    await this.tenant.close();
  }
}
