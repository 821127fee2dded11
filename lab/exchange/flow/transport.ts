import { setTimeout as delay } from 'node:timers/promises';
import type { MailStore } from '../../imap/store.ts';
import type { IncomingMail } from '../../smtp/entrance.ts';
import { transmit } from '../../smtp/transmit.ts';
import { domainOf, type TenantState } from '../directory/state.ts';
import { forwardingOf, forwardTargetOf, mayForwardOutside } from './forwarding.ts';
import { nonDeliveryReport } from './non-delivery.ts';
import type { Outgoing } from './outgoing.ts';
import { type Way, wayByRule, wayOut } from './routing.ts';
import { hopsOf, withMailboxTrace, withoutReturnPath, withResentFrom } from './trace.ts';

export interface TransportOptions {
  readonly state: TenantState;
  readonly store: MailStore;
  readonly outgoing: Outgoing;
  /** The entrance's name, in Received lines and EHLO. */
  readonly name: string;
  /** Hosts that receive mail for a domain, `host:port`, the best first: where no connector says another way. None by default. */
  readonly findMx?: (domain: string) => Promise<readonly string[]>;
  /** Received lines that a mail may have; how many Exchange Online bears is not published. */
  readonly maxHops?: number;
  /** A copy that cannot be handed on is tried again after so long, and given up after `maxAttempts`. */
  readonly retryMs?: number;
  readonly maxAttempts?: number;
}

export interface Delivery {
  readonly recipient: string;
  readonly mailbox: string;
  readonly from: string;
}

/** A mail that went on to another host. */
export interface Relay {
  readonly recipient: string;
  readonly connector: string | null;
  readonly host: string;
  /** The mailbox that forwarded it; null for mail that was only passing through. */
  readonly forwardedBy: string | null;
  /** Received lines that it had when it came in. */
  readonly hops: number;
}

export interface Bounce {
  readonly from: string;
  readonly recipient: string;
  /** `550 5.1.10 …` */
  readonly reason: string;
}

/** A refusal that the entrance sends to whoever is connected; `responseCode` is what smtp-server looks for. */
export class SmtpRefusal extends Error {
  readonly responseCode: number;

  constructor(responseCode: number, text: string) {
    super(text);
    this.responseCode = responseCode;
  }
}

type Step =
  | { readonly kind: 'deliver'; readonly mailbox: string }
  /** `way` null: as connectors and MX are at the moment of sending. */
  | { readonly kind: 'relay'; readonly to: string; readonly way: Way | null; readonly forwardedBy: string | null }
  | { readonly kind: 'refuse'; readonly reason: string };

const UNKNOWN = '5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup';
/** defender-docs, outbound-spam-policies-external-email-forwarding.md */
const NO_FORWARDING =
  '5.7.520 Access denied, Your organization does not allow external forwarding. Please contact your administrator for further assistance. AS(7555)';

/**
 * What becomes of mail that reaches the tenant (exchange.md §6.3, §6.4): transport rules first, then the recipient and its forwarding, then
 * the way out.
 *
 * Simplified: a mail that only passes through is handed on while its sender waits, and the sender hears what the next host said;
 * Exchange takes it first and reports later. A copy beside a delivery waits in a queue, as it does there.
 */
export class Transport {
  readonly deliveries: Delivery[] = [];
  readonly relays: Relay[] = [];
  readonly bounces: Bounce[] = [];
  readonly #options: TransportOptions;
  readonly #pending = new Set<Promise<void>>();
  readonly #closed = new AbortController();

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /** Asked at RCPT. Authoritative for a domain: whom the directory does not have is refused; as internal relay all are taken. */
  refusalOf(recipient: string): SmtpRefusal | null {
    const { state } = this.#options;
    const domain = domainOf(recipient);
    if (!state.domains.has(domain)) return new SmtpRefusal(550, '5.7.64 TenantAttribution; Relay Access Denied');
    if (state.domains.get(domain) === 'InternalRelay' || state.isTaken(recipient)) return null;
    this.bounces.push({ from: '', recipient, reason: `550 ${UNKNOWN}` });
    return new SmtpRefusal(550, UNKNOWN);
  }

  /** @throws SmtpRefusal, which tells the sender; another error means: try again later */
  async take(mail: IncomingMail): Promise<void> {
    const { state, maxHops = 20 } = this.#options;
    const recipient = mail.recipient.toLowerCase();
    const hops = hopsOf(mail.raw);
    // learn.microsoft.com, hop-count-exceeded-possible-mail-loop
    if (hops > maxHops) throw this.#refuse(mail, 554, '5.4.14 Hop count exceeded - possible mail loop');
    const way = wayByRule(state, recipient);
    const steps: Step[] =
      way === null ? stepsFor(state, recipient) : [{ kind: 'relay', to: recipient, way, forwardedBy: null }];
    const [only] = steps;
    if (steps.length === 1 && only?.kind === 'relay') return await this.#relay(mail, only, hops);
    for (const step of steps) if (step.kind === 'deliver') this.#deliver(mail, step.mailbox);
    for (const step of steps) {
      if (step.kind === 'relay') this.#queue(mail, step, hops);
      if (step.kind === 'refuse') this.#report(mail, `550 ${step.reason}`);
    }
  }

  /** When every copy on its way has arrived or was given up. */
  async idle(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  /** Copies that still wait are lost, as in a tenant that is no more. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.idle();
  }

  #deliver(mail: IncomingMail, mailbox: string): void {
    const { store, name } = this.#options;
    const account = store.findAccount(mailbox);
    if (account === null) throw new Error(`The mailbox ${mailbox} is not ready`);
    account.inbox.append({ raw: withMailboxTrace(mail.raw, name) });
    this.deliveries.push({ recipient: mail.recipient, mailbox, from: mail.from });
  }

  async #relay(mail: IncomingMail, step: Step & { kind: 'relay' }, hops: number): Promise<void> {
    const { state, name, findMx = async () => [] } = this.#options;
    const { connector, smartHosts } = step.way ?? wayOut(state, step.to);
    const hosts = smartHosts.length > 0 ? smartHosts : await findMx(domainOf(step.to));
    if (hosts.length === 0) throw this.#refuse(mail, 550, `5.4.310 DNS domain ${domainOf(step.to)} does not exist`);
    const bare = withoutReturnPath(mail.raw);
    const raw = step.forwardedBy === null ? bare : withResentFrom(bare, step.forwardedBy);
    let failure: unknown = null;
    for (const each of hosts) {
      const [host = '', port = '25'] = each.split(/:(?=\d+$)/);
      try {
        await transmit({ host, port: Number(port), helo: name }, { from: mail.from, to: step.to, raw });
        this.relays.push({ recipient: step.to, connector, host: each, forwardedBy: step.forwardedBy, hops });
        return;
      } catch (error) {
        const { responseCode = 0, response = '' } = error as { responseCode?: number; response?: string }; // nodemailer's
        if (responseCode >= 500) throw this.#refuse(mail, responseCode, response.replace(/^\d{3}[ -]/, ''));
        failure = error;
      }
    }
    throw failure;
  }

  #queue(mail: IncomingMail, step: Step & { kind: 'relay' }, hops: number): void {
    const { retryMs = 50, maxAttempts = 20 } = this.#options;
    const run = async () => {
      for (let attempt = 1; !this.#closed.signal.aborted; attempt += 1) {
        try {
          return await this.#relay(mail, step, hops);
        } catch (error) {
          if (error instanceof SmtpRefusal) return this.#report(mail, `${error.responseCode} ${error.message}`);
          if (attempt >= maxAttempts) return this.#report(mail, '550 5.4.300 Message expired');
          await delay(retryMs, null, { signal: this.#closed.signal }).catch(() => undefined);
        }
      }
    };
    const pending: Promise<void> = run().finally(() => this.#pending.delete(pending));
    this.#pending.add(pending);
  }

  #refuse({ from, recipient }: IncomingMail, code: number, text: string): SmtpRefusal {
    this.bounces.push({ from, recipient, reason: `${code} ${text}` });
    return new SmtpRefusal(code, text);
  }

  /** To a sender of the tenant it is delivered, to another it goes out by MX; nobody answers an empty sender (RFC 5321 §4.5.5). */
  #report({ from, recipient }: IncomingMail, reason: string): void {
    const { state, store, outgoing, name, findMx = async () => [] } = this.#options;
    if (!this.bounces.some((each) => each.from === from && each.recipient === recipient && each.reason === reason))
      this.bounces.push({ from, recipient, reason });
    if (from === '') return;
    outgoing.record({ from: '', to: from, why: 'non-delivery report' });
    const raw = nonDeliveryReport({ to: from, about: recipient, domain: domainOf(recipient), reason });
    const mailbox = state.findMailbox(from);
    if (mailbox !== null) {
      store.findAccount(mailbox.address)?.inbox.append({ raw });
      return;
    }
    const send = async () => {
      const [first] = await findMx(domainOf(from));
      if (first === undefined) return;
      const [host = '', port = '25'] = first.split(/:(?=\d+$)/);
      await transmit({ host, port: Number(port), helo: name }, { from: '', to: from, raw }).catch(() => undefined);
    };
    const pending: Promise<void> = send().finally(() => this.#pending.delete(pending));
    this.#pending.add(pending);
  }
}

/** What happens to one recipient that no rule takes away: lists to their members, contacts and strangers out, mailboxes by their forwarding. */
function stepsFor(state: TenantState, recipient: string): Step[] {
  const steps: Step[] = [];
  const seen = new Set<string>();
  const visit = (address: string, forwardedBy: string | null): void => {
    const mailbox = state.findMailbox(address);
    const key = mailbox?.address ?? address;
    if (seen.has(key)) return; // a list that holds itself, or two mailboxes that forward to each other
    seen.add(key);
    const list = state.lists.get(address);
    if (list) {
      for (const member of list.members) visit(member, forwardedBy);
      return;
    }
    if (mailbox === null) {
      if (state.groups.some((group) => group.address === address)) return; // of no members here
      const to = state.findContact(address)?.external ?? address;
      const isOutside = !state.domains.has(domainOf(to));
      const isBlocked = forwardedBy !== null && isOutside && !mayForwardOutside(state, forwardedBy);
      if (isBlocked) steps.push({ kind: 'refuse', reason: NO_FORWARDING });
      else if (state.domains.get(domainOf(to)) === 'Authoritative') steps.push({ kind: 'refuse', reason: UNKNOWN });
      else steps.push({ kind: 'relay', to, way: null, forwardedBy });
      return;
    }
    const target = forwardTargetOf(state, mailbox.address);
    if (target === null || forwardingOf(state, mailbox.address).keepsCopy)
      steps.push({ kind: 'deliver', mailbox: mailbox.address });
    if (target !== null) visit(target.toLowerCase(), mailbox.address);
  };
  visit(recipient, null);
  return steps;
}
