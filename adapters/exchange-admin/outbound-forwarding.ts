import type { WantedRedirection } from '../../domain/ports/exchange-admin.ts';
import { effectOrLook } from '../graph/outcome.ts';
import { type CmdletRow, isNotAllowed, type Parameters, textOf, textsOf } from './cmdlets.ts';
import { nameFor } from './redirection-rules.ts';
import type { Tenant } from './tenant.ts';

const POLICY = 'HostedOutboundSpamFilterPolicy';
const RULE = 'HostedOutboundSpamFilterRule';

/**
 * Whether mailboxes may forward out of the organisation, and a policy of ours that lets those do it that are being moved. `Automatic`
 * means off (exchange.md §6.3); the policy of the first rule by priority that names a mailbox holds for it, else the default.
 */
export class OutboundForwarding {
  readonly #tenant: Tenant;
  readonly #wanted: WantedRedirection;
  readonly #name: string;

  constructor(tenant: Tenant, wanted: WantedRedirection) {
    this.#tenant = tenant;
    this.#wanted = wanted;
    this.#name = nameFor(wanted.domain);
  }

  /** Asked for once; the answer is for any of the mailboxes. */
  async readAllowed(signal: AbortSignal): Promise<(mailbox: string) => boolean> {
    const { cmdlets } = this.#tenant;
    const policies = await cmdlets.run(`Get-${POLICY}`, {}, signal);
    const rules = await cmdlets.run(`Get-${RULE}`, {}, signal);
    const isOn = (isIt: (policy: CmdletRow) => boolean) => {
      const found = policies.find(isIt);
      return found !== undefined && textOf(found, 'AutoForwardingMode') === 'On';
    };
    const inOrder = rules
      .filter((rule) => textOf(rule, 'State') === 'Enabled')
      .toSorted((one, other) => Number(one['Priority'] ?? 0) - Number(other['Priority'] ?? 0));
    return (mailbox) => {
      const rule = inOrder.find((each) => names(each, mailbox));
      if (rule === undefined) return isOn((policy) => policy['IsDefault'] === true);
      return isOn((policy) => textOf(policy, 'Name') === textOf(rule, POLICY));
    };
  }

  /** Idempotent. Makes nothing where all of them may forward already. */
  async allow(signal: AbortSignal): Promise<void> {
    const mailboxes = this.#wanted.forwards.map(({ mailbox }) => mailbox);
    const areAllowed = async () => mailboxes.every(await this.readAllowed(signal));
    if (await areAllowed()) return;
    const policy = { AutoForwardingMode: 'On' };
    await this.#put(POLICY, policy, async (found) => textOf(found, 'AutoForwardingMode') === 'On', signal);
    // Before all others: one of them may say the opposite for the same mailboxes.
    const rule = { [POLICY]: this.#name, From: mailboxes, Priority: 0 };
    await this.#put(RULE, rule, areAllowed, signal);
  }

  /** A policy that a rule uses cannot go, so the rule goes first. */
  async disallow(signal: AbortSignal): Promise<void> {
    const { cmdlets } = this.#tenant;
    for (const noun of [RULE, POLICY]) {
      try {
        const isThere = async () => (await cmdlets.find(`Get-${noun}`, this.#name, signal)) !== null;
        if (!(await isThere())) continue;
        await effectOrLook(
          () => cmdlets.run(`Remove-${noun}`, { Identity: this.#name, Confirm: false }, signal),
          async () => !(await isThere()),
        );
      } catch (error) {
        if (!isNotAllowed(error)) throw error; // who may not see policies has made none
      }
    }
  }

  async #put(
    noun: string,
    values: Parameters,
    isRight: (found: CmdletRow) => Promise<boolean>,
    signal: AbortSignal,
  ): Promise<void> {
    const { cmdlets } = this.#tenant;
    const find = () => cmdlets.find(`Get-${noun}`, this.#name, signal);
    const found = await find();
    if (found !== null && (await isRight(found))) return;
    await effectOrLook(
      () =>
        found === null
          ? cmdlets.run(`New-${noun}`, { Name: this.#name, ...values }, signal)
          : cmdlets.run(`Set-${noun}`, { Identity: this.#name, ...values }, signal),
      async () => {
        const now = await find();
        return now !== null && (await isRight(now));
      },
    );
  }
}

function names(rule: CmdletRow, mailbox: string): boolean {
  const address = mailbox.toLowerCase();
  const isNamed = textsOf(rule, 'From').some((from) => from.toLowerCase() === address);
  return (
    isNamed || textsOf(rule, 'SenderDomainIs').some((domain) => domain.toLowerCase() === address.replace(/^.*@/, ''))
  );
}
