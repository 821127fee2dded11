import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTokenPool } from '../../adapters/graph/token-pool.ts';
import { createImapConnector } from '../../adapters/imap/connector.ts';
import type { ImapEndpoint } from '../../domain/plan.ts';
import type { SignIns } from '../../domain/ports/connections.ts';
import type { MailAccount, MailTarget, TargetOptions } from '../../domain/ports/mail.ts';
import { type Authority, createAuthority } from '../../lab/authority.ts';
import type { Application } from '../../lab/exchange/identity/application.ts';
import { type ExchangeImap, type ExchangeImapOptions, startExchangeImap } from '../../lab/exchange/imap/server.ts';
import { type HostedTenant, type HostedTenantOptions, startHostedTenant } from '../../lab/exchange/tenant.ts';
import type { Account } from '../../lab/imap/store.ts';
import { CopyFromMemory, seenIn } from './copy-from-memory.ts';

export const OWNER = 'ann@harbour.test';
export const OWNERS_PASSWORD = 'her own';

let shared: Promise<Authority> | null = null;

export interface ExchangeLabOptions {
  readonly tenant?: Partial<HostedTenantOptions>;
  readonly imap?: ExchangeImapOptions;
}

/** One mailbox of a simulated tenant behind Exchange's IMAP, and an application `transfer` that may open it. */
export class ExchangeLab extends CopyFromMemory {
  readonly tenant: HostedTenant;
  readonly imap: ExchangeImap;
  readonly account: Account;
  readonly application: Application;
  /** Accounts whose sign-in was remembered as a wrong password. */
  readonly refused: string[] = [];
  readonly #folder: string;
  readonly #now: () => number;

  private constructor(tenant: HostedTenant, imap: ExchangeImap, folder: string, now: () => number) {
    super();
    this.tenant = tenant;
    this.imap = imap;
    this.account = tenant.addMailbox(OWNER, OWNERS_PASSWORD);
    this.application = tenant.access.register({
      clientId: 'transfer',
      secrets: ['secret'],
      roles: ['IMAP.AccessAsApp'],
    });
    tenant.access.mailboxes.allowImap(this.application, OWNER);
    this.#folder = folder;
    this.#now = now;
  }

  static async start(options: ExchangeLabOptions = {}): Promise<ExchangeLab> {
    shared ??= createAuthority();
    const authority = await shared;
    const folder = mkdtempSync(join(tmpdir(), 'mailferry-exchange-'));
    writeFileSync(join(folder, 'ca.pem'), authority.caPem);
    const tenant = await startHostedTenant({
      authority,
      domains: ['harbour.test'],
      readyAfterMs: 0,
      ...options.tenant,
    });
    const imap = await startExchangeImap(tenant, options.imap);
    return new ExchangeLab(tenant, imap, folder, options.tenant?.now ?? Date.now);
  }

  /** By XOAUTH2 or, with `auth: password`, by the owner's password. */
  mailAccount(user = OWNER, more: Partial<ImapEndpoint> = {}): MailAccount {
    const { tenantId, tokenUrl, baseUrl } = this.tenant;
    const caFile = join(this.#folder, 'ca.pem');
    const { host, port } = this.imap;
    const endpoint = { host, port, security: 'tls', allowInsecure: false, caFile, maxConnections: 2 } as const;
    const application = { baseUrl, tenantId, clientId: 'transfer', clientSecret: 'env:CLIENT', tokenUrl, caFile };
    return { endpoint: { ...endpoint, auth: 'xoauth2', ...more }, user, secret: 'env:OWNER', application };
  }

  /** As a process of its own has it: with its own tokens. */
  connector() {
    const secrets = { resolve: async (ref: string) => (ref === 'env:CLIENT' ? 'secret' : OWNERS_PASSWORD) };
    const signIns: SignIns = {
      isRefused: async () => false,
      recordRefused: async (account) => void this.refused.push(account),
      forget: async () => undefined,
    };
    return createImapConnector(secrets, { signIns, tokens: createTokenPool({ secrets, now: this.#now }) });
  }

  async open(account = this.mailAccount(), options: TargetOptions = {}): Promise<MailTarget> {
    return await this.connector().openTarget(account, new AbortController().signal, options);
  }

  /** The mailbox as its owner finds it. */
  seen(): readonly string[] {
    return seenIn(this.tenant, this.account);
  }

  async close(): Promise<void> {
    await this.imap.close();
    await this.tenant.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
