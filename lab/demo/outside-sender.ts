import { createDnsProbe } from '../../adapters/dns/probe.ts';
import type { DnsView } from '../../domain/ports/dns.ts';
import { createOutsideSender, type JournalEntry, type MailExchanger } from '../smtp/sender.ts';
import type { Employee } from './people.ts';

const RETRY_MS = 250;

/** A mail that a server took. */
export interface SentMail extends JournalEntry {
  /** Its sender had the old MX by heart and did not ask DNS. */
  readonly byHeart: boolean;
}

/**
 * Somebody out there who writes to the organisation all the while: looks up MX for each mail and delivers there. What is not
 * taken is tried again, as mail servers do, so nothing that was sent is given up.
 */
export class OutsideSender {
  readonly #asking: ReturnType<typeof createOutsideSender>;
  readonly #byHeart: ReturnType<typeof createOutsideSender>;
  readonly #people: readonly Employee[];
  readonly #stopped = new AbortController();
  #running: Promise<void> = Promise.resolve();

  /**
   * @param hostOf where an MX name listens: DNS has no ports, and the lab's servers have their own.
   * @param oldMx what a sender who does not ask DNS has by heart
   */
  constructor(
    people: readonly Employee[],
    view: DnsView,
    hostOf: (exchange: string) => Omit<MailExchanger, 'priority'>,
    oldMx: string,
  ) {
    const probe = createDnsProbe();
    this.#people = people;
    this.#asking = createOutsideSender(async (domain) => {
      const found = await probe.findMx(domain, view, AbortSignal.timeout(10_000));
      return found.map(({ exchange, preference }) => ({ ...hostOf(exchange), priority: preference }));
    });
    this.#byHeart = createOutsideSender(async () => [hostOf(oldMx)]);
  }

  /** What was taken by a server, each once. */
  get journal(): readonly SentMail[] {
    const taken = (sender: ReturnType<typeof createOutsideSender>, byHeart: boolean) =>
      sender.journal.filter(({ outcome }) => outcome === 'accepted').map((entry) => ({ ...entry, byHeart }));
    return [...taken(this.#asking, false), ...taken(this.#byHeart, true)];
  }

  start(everyMs: number): void {
    this.#running = this.#run(everyMs);
  }

  /** Ends after the mail that is on its way. Twice is once. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  /** One mail by the old MX, whatever DNS says. */
  async sendByHeart(to: string): Promise<void> {
    await send(this.#byHeart, to);
  }

  async #run(everyMs: number): Promise<void> {
    for (let count = 0; !this.#stopped.signal.aborted; count += 1) {
      const person = this.#people[count % this.#people.length];
      if (person) await send(this.#asking, addressOf(person, count));
      await pause(everyMs, this.#stopped.signal);
    }
  }
}

async function send(sender: ReturnType<typeof createOutsideSender>, to: string): Promise<void> {
  const mail = {
    from: 'writer@outside.test',
    to,
    subject: 'Sent during the move',
    text: 'This was sent while the mailboxes moved.',
  };
  for (;;) {
    const entry = await sender.sendMail(mail).catch(() => null); // no DNS answer: queued, as a mail server does
    if (entry?.outcome === 'accepted') return;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
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
