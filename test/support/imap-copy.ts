import { MemoryLedger } from '../../adapters/memory/ledger.ts';
import { collect } from '../../domain/collect.ts';
import { type CopyMailboxInput, type CopyReport, copyMailbox } from '../../domain/copy-mailbox.ts';
import { type ErrorCode, MigrationError } from '../../domain/errors.ts';
import type { Pass } from '../../domain/passes.ts';
import type { Lease, Outcome } from '../../domain/ports/ledger.ts';
import type { MailAccount, MailConnector } from '../../domain/ports/mail.ts';
import { type VerifyReport, verifyMailbox } from '../../domain/verify-mailbox.ts';
import { imapConnector, neverAborted as signal } from './imap-accounts.ts';
import { ALONE, INITIAL } from './memory-world.ts';

const ID = 'mbx-1';
/** What Temporal would try again. */
const PASSING: readonly ErrorCode[] = ['CONNECTION_LOST', 'HOST_UNREACHABLE', 'SERVER_BUSY', 'THROTTLED'];

/** Keeps every outcome that was recorded. */
class OutcomeLedger extends MemoryLedger {
  readonly outcomes: Outcome[] = [];

  override async recordOutcomes(lease: Lease, folderId: string, pass: Pass, outcomes: readonly Outcome[]) {
    await super.recordOutcomes(lease, folderId, pass, outcomes);
    this.outcomes.push(...outcomes);
  }
}

/** One mailbox that is moved from server to server over IMAP; only the ledger is in memory. New connections for each attempt. */
export class ImapCopy {
  readonly ledger = new OutcomeLedger();
  readonly mailboxId = ID;
  readonly #source: MailAccount;
  readonly #target: MailAccount;
  readonly #connector: MailConnector;

  constructor(source: MailAccount, target: MailAccount, connector: MailConnector = imapConnector) {
    this.#source = source;
    this.#target = target;
    this.#connector = connector;
    this.ledger.addMailbox(ID);
  }

  async run(pass: Pass = INITIAL, more: Partial<CopyMailboxInput> = {}): Promise<CopyReport> {
    const { ledger } = this;
    const source = await this.#connector.openSource(this.#source, signal);
    try {
      const target = await this.#connector.openTarget(this.#target, signal);
      try {
        const lease = await ledger.takeLease(ID, 'worker');
        const mailbox = { id: ID, mapping: {} };
        return await copyMailbox({ source, target, ledger, lease, mailbox, pass, signal, ...ALONE, ...more });
      } finally {
        await target.close();
      }
    } finally {
      await source.close();
    }
  }

  /** Attempt after attempt, as Temporal makes them. @returns what ended those before the last one */
  async runUntilDone(
    atMost: number,
    pass: Pass = INITIAL,
    more: Partial<CopyMailboxInput> = {},
  ): Promise<readonly MigrationError[]> {
    const faults: MigrationError[] = [];
    for (;;) {
      try {
        await this.run(pass, { failures: faults.length, ...more });
        return faults;
      } catch (error) {
        if (!(error instanceof MigrationError) || !PASSING.includes(error.code)) throw error;
        faults.push(error);
        if (faults.length >= atMost) throw new Error(`not done after ${atMost} attempts`, { cause: error });
      }
    }
  }

  /** On connections of its own. */
  async verify(pass: Pass = INITIAL): Promise<VerifyReport> {
    const target = await this.#connector.openTarget(this.#target, signal);
    try {
      const lease = await this.ledger.takeLease(ID, 'verifier');
      const openSource = async () => {
        const source = await this.#connector.openSource(this.#source, signal);
        return { source, close: () => source.close() };
      };
      return await verifyMailbox({ target, ledger: this.ledger, lease, mailboxId: ID, pass, openSource, signal });
    } finally {
      await target.close();
    }
  }

  async listExceptions() {
    return await collect(this.ledger.listExceptions(ID));
  }
}
