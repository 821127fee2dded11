import type { FolderPath, FolderRole } from '../../domain/mail.ts';
import { type MessageFrame, type Person, writeMessage } from './message.ts';
import { type NastyMail, nastyMails, unlawfulMails } from './nasty.ts';
import { SeededRandom } from './random.ts';
import { type Locale, WORDS } from './words.ts';

export interface GeneratorOptions {
  seed: number | string;
  /** Address of the mailbox. */
  owner: string;
  locale: Locale;
  /** How many messages there are in all, nasty ones included. */
  messages: number;
  /**
   * `lawful` (default): the nasty ones that IMAP can carry, as many as fit in a quarter of the mailbox. `full`: also one with
   * bare LF and one with NUL. `none`: everyday mail only.
   */
  nasty?: 'none' | 'lawful' | 'full';
  /** No message is younger; the day before the present by default would differ from run to run, so it is fixed. */
  until?: Date;
}

export interface GeneratedMail {
  folder: FolderPath;
  role: FolderRole;
  flags: readonly string[];
  /** Whole seconds. */
  internalDate: Date;
  raw: Buffer;
}

const UNTIL = new Date('2026-06-30T18:00:00Z');
const YEARS_SECONDS = 4 * 365 * 86_400;

/** Folders of a mailbox in this language, whether or not mail is put into all of them. */
export function mailboxFolders(locale: Locale): readonly { path: FolderPath; role: FolderRole }[] {
  return WORDS[locale].folders.map(({ path, role }) => ({ path, role }));
}

/** A mailbox as a small firm has them. The same options give the same bytes. */
export function* generateMailbox(options: GeneratorOptions): Generator<GeneratedMail> {
  const random = new SeededRandom(`${options.seed} ${options.owner}`);
  const mailbox = new MailboxWriter(random, options);
  const nasty = options.nasty ?? 'lawful';
  const frame = mailbox.frame();
  const room = Math.floor(options.messages / 4);
  const odd = nasty === 'none' ? [] : nastyMails(random, frame).slice(0, room);
  const unlawful = nasty === 'full' ? unlawfulMails(frame) : [];
  for (const mail of [...odd, ...unlawful]) yield mailbox.place(mail);
  for (let count = odd.length + unlawful.length; count < options.messages; count += 1) yield mailbox.everyday();
}

class MailboxWriter {
  readonly #random: SeededRandom;
  readonly #options: GeneratorOptions;
  readonly #owner: Person;
  readonly #threads: MessageFrame[] = [];
  #count = 0;

  constructor(random: SeededRandom, options: GeneratorOptions) {
    this.#random = random;
    this.#options = options;
    this.#owner = { name: random.pick(WORDS[options.locale].people), address: options.owner };
  }

  /** A mail to the owner; its id holds owner and count, so no two mailboxes share one. */
  frame(): MessageFrame {
    const random = this.#random;
    const words = WORDS[this.#options.locale];
    const name = random.pick(words.people);
    const address = `${asciiOf(name)}@partner.example.org`;
    this.#count += 1;
    return {
      from: { name, address },
      to: this.#owner,
      subject: `${random.pick(words.subjects)} #${this.#count}`,
      date: this.#past(),
      messageId: `<${this.#count}.${random.between(0, 1e9)}.${this.#options.owner.replace('@', '.')}@example.test>`,
      references: [],
    };
  }

  everyday(): GeneratedMail {
    const random = this.#random;
    const folder = this.#folder();
    const fresh = this.frame();
    const earlier =
      this.#threads.length > 0 && random.chance(0.3)
        ? this.#threads[random.between(0, this.#threads.length - 1)]
        : undefined;
    const frame = earlier === undefined ? fresh : this.#reply(fresh, earlier);
    const outgoing = folder.role === 'sent' || folder.role === 'drafts';
    const written = outgoing ? { ...frame, from: frame.to, to: frame.from } : frame;
    this.#threads.push(frame);
    if (this.#threads.length > 50) this.#threads.shift();
    return {
      folder: folder.path,
      role: folder.role,
      flags: this.#flags(folder.role),
      internalDate: frame.date,
      raw: writeMessage(random, WORDS[this.#options.locale], written),
    };
  }

  place(mail: NastyMail): GeneratedMail {
    const role = mail.draft ? 'drafts' : 'inbox';
    const folder = WORDS[this.#options.locale].folders.find((each) => each.role === role);
    return {
      folder: folder?.path ?? ['INBOX'],
      role,
      flags: mail.draft ? ['\\Draft'] : [],
      internalDate: this.#past(),
      raw: mail.raw,
    };
  }

  #reply(fresh: MessageFrame, earlier: MessageFrame): MessageFrame {
    const { replyPrefix } = WORDS[this.#options.locale];
    const subject = earlier.subject.startsWith(replyPrefix) ? earlier.subject : replyPrefix + earlier.subject;
    return { ...fresh, subject, references: [...earlier.references, earlier.messageId].slice(-8) };
  }

  #folder(): (typeof WORDS)[Locale]['folders'][number] {
    const { folders } = WORDS[this.#options.locale];
    let left = this.#random.next() * folders.reduce((sum, { weight }) => sum + weight, 0);
    for (const folder of folders) {
      left -= folder.weight;
      if (left < 0) return folder;
    }
    return { path: ['INBOX'], role: 'inbox', weight: 0 };
  }

  #flags(role: FolderRole): readonly string[] {
    const random = this.#random;
    if (role === 'drafts') return ['\\Draft', '\\Seen'];
    const flags = random.chance(0.8) || role === 'sent' ? ['\\Seen'] : [];
    if (random.chance(0.2)) flags.push('\\Answered');
    if (random.chance(0.1)) flags.push('\\Flagged');
    if (random.chance(0.05)) flags.push('$Label1');
    return flags;
  }

  #past(): Date {
    const until = Math.floor((this.#options.until ?? UNTIL).getTime() / 1000);
    return new Date((until - this.#random.between(1, YEARS_SECONDS)) * 1000);
  }
}

function asciiOf(name: string): string {
  const ascii = name.normalize('NFD').replace(/[^A-Za-z ]/g, '');
  return ascii.toLowerCase().replaceAll(' ', '.');
}
