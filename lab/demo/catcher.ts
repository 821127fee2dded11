import type { CaughtMail, MailCatcher } from '../smtp/mail-catcher.ts';

const CODE = /\b(\d{6})\b/;

/** The mailboxes and the phone of the client's contact, as the demo reads them. */
export class Catcher {
  readonly smtpUrl: string;
  readonly url: string;
  readonly #catcher: MailCatcher;

  constructor(catcher: MailCatcher) {
    this.#catcher = catcher;
    this.url = `${catcher.url}/`;
    this.smtpUrl = `smtp://${catcher.host}:${catcher.smtpPort}`;
  }

  to(address: string): readonly CaughtMail[] {
    return this.#catcher.messages.filter((mail) => mail.to === address);
  }

  /** The code of the first message to this address after those that were there already. */
  async waitForCode(address: string, already: number): Promise<string> {
    const known = new Set(this.to(address).slice(0, already));
    const mail = await this.#catcher.waitFor(
      (each) => each.to === address && !known.has(each) && CODE.test(each.text),
      30_000,
    );
    return CODE.exec(mail.text)?.[1] ?? '';
  }

  async close(): Promise<void> {
    await this.#catcher.close();
  }
}
