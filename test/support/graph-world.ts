/** A mailbox in memory that moves into the lab's tenant over Microsoft Graph, by the engine itself. */
import type { GraphRoute } from '../../adapters/graph/mail-connector.ts';
import { MemoryLedger } from '../../adapters/memory/ledger.ts';
import { MemoryMailSystem } from '../../adapters/memory/mail.ts';
import { createByteBudget } from '../../domain/byte-budget.ts';
import { type CopyReport, copyMailbox } from '../../domain/copy-mailbox.ts';
import type { HostedTenantOptions } from '../../lab/exchange/tenant.ts';
import { GraphMailbox } from './graph-mailbox.ts';

const MAILBOX = { id: 'mbx-1', mapping: {} };

export interface GraphWorld {
  readonly mailbox: GraphMailbox;
  readonly source: MemoryMailSystem;
  /** One attempt at the first pass, in a session of its own. */
  copy(): Promise<CopyReport>;
  close(): Promise<void>;
}

export async function newGraphWorld(
  route: GraphRoute,
  fill: (source: MemoryMailSystem) => void,
  options: Partial<HostedTenantOptions> = {},
): Promise<GraphWorld> {
  const mailbox = await GraphMailbox.start(options);
  const source = new MemoryMailSystem();
  fill(source);
  const ledger = new MemoryLedger();
  ledger.addMailbox(MAILBOX.id);
  const pace = {
    now: () => mailbox.clock.now,
    pause: (ms: number) => mailbox.wait(ms),
  };
  return {
    mailbox,
    source,
    async copy() {
      const target = await mailbox.open(route, { timeoutMs: 20_000 });
      try {
        return await copyMailbox({
          source: source.openSource(),
          target,
          ledger,
          lease: await ledger.takeLease(MAILBOX.id, 'worker'),
          mailbox: MAILBOX,
          pass: { kind: 'initial', number: 1 },
          signal: new AbortController().signal,
          lanes: { open: async () => null, pace },
          budget: createByteBudget(),
          now: () => new Date(mailbox.clock.now).toISOString(),
        });
      } finally {
        await target.close();
      }
    },
    close: () => mailbox.close(),
  };
}

/** With all that Exchange would else make up. */
export function mailWith(subject: string, body = subject): string {
  return [
    'From: Ann <ann@example.test>',
    'To: ben@example.test',
    `Subject: ${subject}`,
    'Date: Fri, 2 Jan 2026 03:04:00 +0000',
    `Message-ID: <${subject.replace(/\W/g, '.')}@example.test>`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    '',
    body,
    '',
  ].join('\r\n');
}

/** With an attachment of so many bytes, which are the same each time. */
export function mailWithFile(subject: string, sizeBytes: number): string {
  const bytes = Buffer.alloc(sizeBytes, `${subject} 0123456789`);
  const [head = ''] = mailWith(subject).split('\r\n\r\n');
  return [
    head.replace(/text\/plain.*$/, 'multipart/mixed; boundary=b'),
    '',
    '--b\r\nContent-Type: text/plain\r\n',
    subject,
    '--b\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Disposition: attachment; filename=a.pdf',
    'Content-Transfer-Encoding: base64\r\n',
    bytes.toString('base64').replace(/.{76}/g, '$&\r\n'),
    '--b--',
    '',
  ].join('\r\n');
}
