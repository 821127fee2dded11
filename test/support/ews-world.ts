import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEwsConnector, type EwsConnector } from '../../adapters/ews/connector.ts';
import { createTokenPool } from '../../adapters/graph/token-pool.ts';
import type { EwsEndpoint } from '../../domain/plan.ts';
import type { MailTarget, TargetOptions } from '../../domain/ports/mail.ts';
import { type Authority, createAuthority } from '../../lab/authority.ts';
import { type HostedTenant, type HostedTenantOptions, startHostedTenant } from '../../lab/exchange/tenant.ts';
import type { Account } from '../../lab/imap/store.ts';
import { CopyFromMemory, seenIn } from './copy-from-memory.ts';

export const OWNER = 'ann@harbour.test';
const SERVICE = 'migration@harbour.test';

let shared: Promise<Authority> | null = null;

/** A source in memory, a mailbox of a simulated Exchange Server over EWS, and a ledger that outlives every attempt. */
export class EwsWorld extends CopyFromMemory {
  readonly tenant: HostedTenant;
  readonly account: Account;
  readonly #caFile: string;
  readonly #close: () => void;
  readonly #connector: EwsConnector;

  private constructor(
    tenant: HostedTenant,
    caFile: string,
    close: () => void,
    now: () => number,
    visibleAfterMs: number,
  ) {
    super();
    this.tenant = tenant;
    this.#caFile = caFile;
    this.#close = close;
    this.account = tenant.addMailbox(OWNER);
    tenant.ews.serviceAccounts.set(SERVICE, { password: 'secret', mayImpersonate: true });
    const secrets = { resolve: async (ref: string) => (ref === 'env:CLIENT' ? 'lab-secret' : 'secret') };
    const pool = createTokenPool({ secrets, now });
    const { tenantId, clientId, tokenUrl, baseUrl } = tenant;
    const application = { baseUrl, tenantId, clientId, clientSecret: 'env:CLIENT', tokenUrl, caFile };
    const tokens = () => pool(application, 'https://outlook.office365.com/.default');
    this.#connector = createEwsConnector({ secrets, tokens, timeoutMs: 20_000, visibleAfterMs });
  }

  /** @param visibleAfterMs  how long a look may miss what was written, as the adapter believes */
  static async start(options: Partial<HostedTenantOptions> = {}, visibleAfterMs = 0): Promise<EwsWorld> {
    shared ??= createAuthority();
    const authority = await shared;
    const folder = mkdtempSync(join(tmpdir(), 'mailferry-ews-'));
    const caFile = join(folder, 'ca.pem');
    writeFileSync(caFile, authority.caPem);
    const tenant = await startHostedTenant({ authority, domains: ['harbour.test'], readyAfterMs: 0, ...options });
    return new EwsWorld(
      tenant,
      caFile,
      () => rmSync(folder, { recursive: true, force: true }),
      options.now ?? Date.now,
      visibleAfterMs,
    );
  }

  /** How attempts sign in. */
  auth: EwsEndpoint['auth'] = 'basic';

  endpoint(auth: EwsEndpoint['auth']): EwsEndpoint {
    const account = auth === 'basic' ? { user: SERVICE, secret: 'env:X' } : { user: null, secret: null };
    return { url: `${this.tenant.baseUrl}EWS/Exchange.asmx`, auth, ...account, caFile: this.#caFile };
  }

  async open(options: TargetOptions = {}, { signal } = new AbortController()): Promise<MailTarget> {
    return await this.#connector.openTarget(this.endpoint(this.auth), OWNER, signal, options);
  }

  /** The mailbox as its owner finds it. */
  seen(): readonly string[] {
    return seenIn(this.tenant, this.account);
  }

  async close(): Promise<void> {
    await this.tenant.close();
    this.#close();
  }
}
