import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEwsConnector, type EwsConnector } from '../../adapters/ews/connector.ts';
import { createTokenPool } from '../../adapters/graph/token-pool.ts';
import { MemoryLedger } from '../../adapters/memory/ledger.ts';
import { MemoryMailSystem } from '../../adapters/memory/mail.ts';
import { type CopyMailboxInput, type CopyReport, copyMailbox } from '../../domain/copy-mailbox.ts';
import { MigrationError } from '../../domain/errors.ts';
import type { Pass } from '../../domain/passes.ts';
import type { EwsEndpoint } from '../../domain/plan.ts';
import type { MailTarget, TargetOptions } from '../../domain/ports/mail.ts';
import { type VerifyReport, verifyMailbox } from '../../domain/verify-mailbox.ts';
import { type Authority, createAuthority } from '../../lab/authority.ts';
import { type HostedTenant, type HostedTenantOptions, startHostedTenant } from '../../lab/exchange/tenant.ts';
import type { Account } from '../../lab/imap/store.ts';
import { ALONE, INITIAL } from './memory-world.ts';

export const OWNER = 'ann@harbour.test';
const SERVICE = 'migration@harbour.test';

let shared: Promise<Authority> | null = null;

/** A source in memory, a mailbox of a simulated Exchange Server over EWS, and a ledger that outlives every attempt. */
export class EwsWorld {
  readonly tenant: HostedTenant;
  readonly account: Account;
  readonly source = new MemoryMailSystem();
  readonly ledger = new MemoryLedger();
  readonly #caFile: string;
  readonly #close: () => void;
  readonly #connector: EwsConnector;

  private constructor(tenant: HostedTenant, caFile: string, close: () => void, now: () => number) {
    this.tenant = tenant;
    this.#caFile = caFile;
    this.#close = close;
    this.account = tenant.addMailbox(OWNER);
    tenant.ews.serviceAccounts.set(SERVICE, { password: 'secret', mayImpersonate: true });
    this.ledger.addMailbox('mbx-1');
    const secrets = { resolve: async (ref: string) => (ref === 'env:CLIENT' ? 'lab-secret' : 'secret') };
    const pool = createTokenPool({ secrets, now });
    const { tenantId, clientId, tokenUrl, baseUrl } = tenant;
    const application = { baseUrl, tenantId, clientId, clientSecret: 'env:CLIENT', tokenUrl, caFile };
    const tokens = () => pool(application, 'https://outlook.office365.com/.default');
    this.#connector = createEwsConnector({ secrets, tokens, timeoutMs: 5_000, visibleAfterMs: 0 });
  }

  static async start(options: Partial<HostedTenantOptions> = {}): Promise<EwsWorld> {
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
    );
  }

  endpoint(auth: EwsEndpoint['auth'] = 'basic'): EwsEndpoint {
    const account = auth === 'basic' ? { user: SERVICE, secret: 'env:X' } : { user: null, secret: null };
    return { url: `${this.tenant.baseUrl}EWS/Exchange.asmx`, auth, ...account, caFile: this.#caFile };
  }

  async open(
    auth: EwsEndpoint['auth'] = 'basic',
    options: TargetOptions = {},
    { signal } = new AbortController(),
  ): Promise<MailTarget> {
    return await this.#connector.openTarget(this.endpoint(auth), OWNER, signal, options);
  }

  /** One attempt at the first pass. @throws as copyMailbox */
  async copy(
    more: Partial<CopyMailboxInput> = {},
    pass: Pass = INITIAL,
    auth: EwsEndpoint['auth'] = 'basic',
  ): Promise<CopyReport> {
    const target = await this.open(auth);
    try {
      return await copyMailbox({
        source: this.source.openSource(),
        target,
        ledger: this.ledger,
        lease: await this.ledger.takeLease('mbx-1', 'worker'),
        mailbox: { id: 'mbx-1', mapping: {} },
        pass,
        signal: new AbortController().signal,
        ...ALONE,
        ...more,
      });
    } finally {
      await target.close();
    }
  }

  /** Attempts until one is through. @returns what the others failed by */
  async copyUntilDone(most = 6, auth: EwsEndpoint['auth'] = 'basic'): Promise<readonly MigrationError[]> {
    const faults: MigrationError[] = [];
    for (;;) {
      try {
        await this.copy({}, INITIAL, auth);
        return faults;
      } catch (error) {
        if (!(error instanceof MigrationError) || faults.length === most) throw error;
        faults.push(error);
      }
    }
  }

  async verify(pass: Pass = INITIAL): Promise<VerifyReport> {
    const target = await this.open();
    try {
      const lease = await this.ledger.takeLease('mbx-1', 'verifier');
      return await verifyMailbox({ target, ledger: this.ledger, lease, mailboxId: 'mbx-1', pass });
    } finally {
      await target.close();
    }
  }

  /** The mailbox as its owner finds it: what is in which folder, with its date, flags and categories, drafts named. */
  seen(): readonly string[] {
    const { items } = this.tenant;
    return this.account
      .listFolders()
      .flatMap(({ path, messages }) =>
        messages.map((message) => {
          const { isDraft, categories } = items.of(message);
          const subject = /^Subject: (.*)$/m.exec(message.raw.toString('latin1'))?.[1]?.trim() ?? '';
          const marks = [...[...message.flags].toSorted(), ...categories, ...(isDraft ? ['draft'] : [])];
          return [path.join('/'), subject, message.internalDate.toISOString(), ...marks].join(' | ');
        }),
      )
      .toSorted();
  }

  async close(): Promise<void> {
    await this.tenant.close();
    this.#close();
  }
}
