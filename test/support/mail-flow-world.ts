import { createAuthority } from '../../lab/authority.ts';
import type { Row, Values } from '../../lab/exchange/directory/cmdlets/cmdlet.ts';
import { invokeCommand } from '../../lab/exchange/directory/cmdlets.ts';
import { newMailbox } from '../../lab/exchange/directory/objects.ts';
import { startTenantEntrance, type TenantEntrance } from '../../lab/exchange/flow/entrance.ts';
import { type HostedTenant, startHostedTenant } from '../../lab/exchange/tenant.ts';
import { MailStore } from '../../lab/imap/store.ts';
import { deliverToStore, forwardTo } from '../../lab/smtp/deliveries.ts';
import { type SmtpEntrance, startSmtpEntrance } from '../../lab/smtp/entrance.ts';
import { transmit } from '../../lab/smtp/transmit.ts';

export const DOMAIN = 'example.test';
/** The domain that the old server has besides, so that forwards do not come back to the tenant. */
export const ROUTING = 'old.example.test';

/** A tenant with its entrance and the old server with its own. */
export interface MailFlowWorld {
  readonly caPem: string;
  readonly tenant: HostedTenant;
  readonly entrance: TenantEntrance;
  readonly old: SmtpEntrance & { readonly store: MailStore };
  /** `host:port` of the old server's entrance. */
  readonly smartHost: string;
  /** True: the old server hands the domain's mail on to where MX points, which is the tenant. */
  oldRelaysToMx: boolean;
  run(cmdlet: string, values?: Values): readonly Row[];
  addMailbox(address: string): void;
  send(to: string, mail?: { readonly from?: string; readonly raw?: Buffer }): Promise<string>;
  /** Raw messages of an INBOX. */
  at(side: 'tenant' | 'old', address: string): string[];
  close(): Promise<void>;
}

let authorities: ReturnType<typeof createAuthority> | null = null;

export async function startMailFlowWorld(people: readonly string[]): Promise<MailFlowWorld> {
  authorities ??= createAuthority();
  const authority = await authorities;
  const tenant = await startHostedTenant({ authority, domains: [DOMAIN], readyAfterMs: 0 });
  const store = new MailStore();
  for (const person of people) store.addAccount(person, 'secret');
  const mailboxOf = (recipient: string) => recipient.replace(`@${ROUTING}`, `@${DOMAIN}`);
  const state = { oldRelaysToMx: false };
  const oldEntrance: SmtpEntrance = await startSmtpEntrance({
    name: 'mail.old.test',
    domains: [DOMAIN, ROUTING],
    knows: (recipient) => state.oldRelaysToMx || store.findAccount(mailboxOf(recipient)) !== null,
    deliver: async (mail) => {
      const local = { ...mail, recipient: mailboxOf(mail.recipient) };
      if (state.oldRelaysToMx) await forwardTo(entrance, 'mail.old.test')(local);
      else await deliverToStore(store)(local);
    },
  });
  const smartHost = `${oldEntrance.host}:${oldEntrance.port}`;
  const entrance = await startTenantEntrance({
    tenant,
    name: 'mx.hosted.test',
    maxHops: 8,
    retryMs: 5,
    findMx: async (domain) => {
      if (domain === ROUTING) return [smartHost];
      return domain === DOMAIN ? [`${entrance.host}:${entrance.port}`] : [];
    },
  });
  const old = { host: oldEntrance.host, port: oldEntrance.port, taken: 0, store, close: oldEntrance.close };
  let count = 0;
  const world: MailFlowWorld = Object.assign(state, {
    caPem: authority.caPem,
    tenant,
    entrance,
    old,
    smartHost,
    run: (cmdlet: string, values: Values = {}) =>
      invokeCommand(tenant.state, { CmdletInput: { CmdletName: cmdlet, Parameters: values } }),
    addMailbox(address: string) {
      tenant.state.mailboxes.set(address, newMailbox(address));
      tenant.store.addAccount(address, 'secret');
    },
    async send(to: string, mail: { readonly from?: string; readonly raw?: Buffer } = {}) {
      count += 1;
      const from = mail.from ?? 'writer@outside.test';
      const raw = mail.raw ?? plainMail(from, to, `mail ${count}`);
      return await transmit({ host: entrance.host, port: entrance.port, helo: 'outside.test' }, { from, to, raw });
    },
    at: (side: 'tenant' | 'old', address: string) =>
      ((side === 'tenant' ? tenant.store : store).findAccount(address)?.inbox.messages ?? []).map(({ raw }) =>
        raw.toString(),
      ),
    async close() {
      await entrance.close();
      await oldEntrance.close();
      await tenant.close();
    },
  });
  return world;
}

export function plainMail(from: string, to: string, subject: string, id = subject.replaceAll(' ', '.')): Buffer {
  const lines = [
    `From: <${from}>`,
    `To: <${to}>`,
    `Subject: ${subject}`,
    'Date: Mon, 5 Jan 2026 10:00:00 +0000',
    `Message-ID: <${id}@outside.test>`,
    '',
    `This is ${subject}.`,
    '',
  ];
  return Buffer.from(lines.join('\r\n'));
}
