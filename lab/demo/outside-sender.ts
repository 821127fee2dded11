import { createDnsProbe } from '../../adapters/dns/probe.ts';
import type { DnsView } from '../../domain/ports/dns.ts';
import { createOutsideSender, type JournalEntry, type MailExchanger } from '../smtp/sender.ts';
import type { Employee } from './people.ts';

const RETRY_MS = 250;

/**
 * Somebody out there who writes to the organisation all the while: looks up MX for each mail and delivers there. What is not
 * taken is tried again, as mail servers do, so nothing that was sent is given up.
 */
export class OutsideSender {
  readonly #sender: ReturnType<typeof createOutsideSender>;
  readonly #people: readonly Employee[];
  readonly #stopped = new AbortController();
  #running: Promise<void> = Promise.resolve();
  /** Set while a mail goes by an MX that its sender has by heart. */
  #byHeart: string | null = null;

  /** @param hostOf where an MX name listens: DNS has no ports, and the lab's servers have their own. */
  constructor(
    people: readonly Employee[],
    view: DnsView,
    hostOf: (exchange: string) => Omit<MailExchanger, 'priority'>,
  ) {
    const probe = createDnsProbe();
    this.#people = people;
    this.#sender = createOutsideSender(async (domain) => {
      if (this.#byHeart !== null) return [hostOf(this.#byHeart)];
      const found = await probe.findMx(domain, view, AbortSignal.timeout(10_000));
      return found.map(({ exchange, preference }) => ({ ...hostOf(exchange), priority: preference }));
    });
  }

  /** What was taken by a server, each once. */
  get journal(): readonly JournalEntry[] {
    return this.#sender.journal.filter((entry) => entry.outcome === 'accepted');
  }

  start(everyMs: number): void {
    this.#running = this.#run(everyMs);
  }

  /** Ends after the mail that is on its way. Twice is once. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  /** After {@link stop}: a sender who does not ask DNS. */
  async sendByHeart(to: string, exchange: string): Promise<void> {
    this.#byHeart = exchange;
    await this.#send(to);
    this.#byHeart = null;
  }

  async #send(to: string): Promise<void> {
    const mail = {
      from: 'writer@outside.test',
      to,
      subject: 'Sent during the move',
      text: 'This was sent while the mailboxes moved.',
    };
    for (;;) {
      const entry = await this.#sender.sendMail(mail).catch(() => null); // no DNS answer: queued, as a mail server does
      if (entry?.outcome === 'accepted') return;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  async #run(everyMs: number): Promise<void> {
    for (let count = 0; !this.#stopped.signal.aborted; count += 1) {
      const person = this.#people[count % this.#people.length];
      if (person) await this.#send(addressOf(person, count));
      await pause(everyMs, this.#stopped.signal);
    }
  }
}

/** Every third mail goes to an alias or a list, where the person has one. */
function addressOf(person: Employee, count: number): string {
  const others = [...person.aliases, ...person.lists];
  return (count % 3 === 2 ? others[count % Math.max(others.length, 1)] : undefined) ?? person.address;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
