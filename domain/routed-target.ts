import { MigrationError } from './errors.ts';
import type { FolderPath, FolderRole, Message } from './mail.ts';
import type {
  Appended,
  CopyKeys,
  FlagChange,
  MailTarget,
  OpenedFolder,
  PolicyPlace,
  TargetFolder,
} from './ports/mail.ts';
import type { Fidelity, Route, RouteOffer } from './routes.ts';

/** One way into the mailbox. */
export interface Way {
  readonly offer: RouteOffer;
  /** Opened when the first message goes by it. The first way is open already. */
  readonly open: () => Promise<MailTarget>;
  /** It numbers messages as the first one does, as a probe has shown: then its UIDs are taken. */
  readonly sameUids: boolean;
}

/**
 * One target made of several routes into one mailbox: everything is read, numbered and flagged by the first; a message goes by the one
 * that it names (Message.route), which the copy chooses by what each offers (domain/choose-route.ts). What another route has brought is
 * known again by its key or its mark as the first one shows it, so that a lost answer is made up for whichever way it got lost on.
 */
export function createRoutedTarget(main: MailTarget, offer: RouteOffer, others: readonly Way[]): MailTarget {
  return new RoutedTarget(main, offer, others);
}

class RoutedTarget implements MailTarget {
  readonly routes: readonly [RouteOffer, ...RouteOffer[]];
  readonly #main: MailTarget;
  readonly #others: readonly Way[];
  readonly #opened = new Map<Route, Promise<MailTarget>>();
  /** Folders of the other ways, by route and the first one's id. */
  readonly #folders = new Map<string, Promise<OpenedFolder>>();
  readonly #uidValidities = new Map<string, string>();

  constructor(main: MailTarget, offer: RouteOffer, others: readonly Way[]) {
    this.#main = main;
    this.#others = others;
    this.routes = [offer, ...others.map((way) => way.offer)];
  }

  get facts() {
    return this.#main.facts;
  }

  get route(): Route {
    return this.#main.route;
  }

  get fidelity(): Fidelity {
    return this.routes[0].fidelity;
  }

  get keys(): CopyKeys | null {
    return this.#main.keys;
  }

  get visibleAfterMs(): number {
    return this.#main.visibleAfterMs;
  }

  get reportsUid(): boolean {
    return this.#main.reportsUid;
  }

  get appendsMany(): boolean {
    return this.#others.length === 0 && this.#main.appendsMany;
  }

  get munges8BitHeaders(): boolean {
    return this.#main.munges8BitHeaders;
  }

  /** Of the way that takes most. */
  get maxMessageBytes(): number | null {
    const limits = this.routes.flatMap(({ maxMessageBytes }) => maxMessageBytes ?? []);
    return limits.length < this.routes.length ? null : Math.max(...limits);
  }

  get separator(): string | null {
    return this.#main.separator;
  }

  get rootIsInbox(): boolean {
    return this.#main.rootIsInbox;
  }

  listFolders() {
    return this.#main.listFolders();
  }

  async ensureFolder(path: FolderPath, role: FolderRole): Promise<OpenedFolder> {
    return await this.#main.ensureFolder(path, role);
  }

  async getStatus(folder: TargetFolder) {
    return await this.#main.getStatus(folder);
  }

  async append(folder: TargetFolder, message: Message): Promise<Appended> {
    const way = this.#others.find(({ offer }) => offer.route === message.route);
    if (way === undefined) return await this.#main.append(folder, message);
    const target = await this.#open(way);
    const there = await this.#findFolder(way, target, folder);
    const uidValidity = way.sameUids ? await this.#uidValidityOf(folder) : null;
    const { id, ...told } = await target.append(there, message);
    return { ...told, id: id === null || uidValidity === null ? null : { uidValidity, uid: id.uid } };
  }

  async appendAll(folder: TargetFolder, messages: readonly Message[]): Promise<readonly Appended[]> {
    if (!this.appendsMany) throw new MigrationError('PROTOCOL_VIOLATION', 'Several routes take no messages together.');
    return await this.#main.appendAll(folder, messages);
  }

  listFlags(folder: TargetFolder, uids: readonly number[]) {
    return this.#main.listFlags(folder, uids);
  }

  async storeFlags(folder: TargetFolder, uid: number, change: FlagChange): Promise<void> {
    await this.#main.storeFlags(folder, uid, change);
  }

  /** A copy that a companion has brought has its date, if that is of those whose date comes with the message. */
  async restoreDate(folder: TargetFolder, uid: number, receivedAt: string): Promise<boolean> {
    return (await this.#main.restoreDate?.(folder, uid, receivedAt)) ?? false;
  }

  listMessages(folder: TargetFolder, fromUid: number, beforeUid?: number) {
    return this.#main.listMessages(folder, fromUid, beforeUid);
  }

  /** As the first way shows them; then kinds of place that only another one does. */
  async *listPolicyPlaces(): AsyncIterable<PolicyPlace> {
    const shown = new Set<PolicyPlace['place']>();
    const targets = [async () => this.#main, ...this.#others.map((way) => () => this.#open(way))];
    for (const open of targets) {
      const own = new Set<PolicyPlace['place']>();
      for await (const place of (await open()).listPolicyPlaces?.() ?? []) {
        if (shown.has(place.place)) continue;
        own.add(place.place);
        yield place;
      }
      for (const place of own) shown.add(place);
    }
  }

  async close(): Promise<void> {
    const others = await Promise.allSettled(this.#opened.values());
    await this.#main.close();
    for (const other of others) if (other.status === 'fulfilled') await other.value.close();
  }

  async #open({ offer: { route }, open }: Way): Promise<MailTarget> {
    const opened = this.#opened.get(route) ?? open();
    this.#opened.set(route, opened);
    try {
      return await opened;
    } catch (error) {
      this.#opened.delete(route);
      throw error;
    }
  }

  async #findFolder({ offer: { route } }: Way, target: MailTarget, { id, path, role }: TargetFolder) {
    const key = JSON.stringify([route, id]);
    const found = this.#folders.get(key) ?? target.ensureFolder(path, role);
    this.#folders.set(key, found);
    return await found;
  }

  /** As the first way tells it, so that it says of all copies of the folder how they are numbered. Asked before anything is sent. */
  async #uidValidityOf(folder: TargetFolder): Promise<string> {
    const known = this.#uidValidities.get(folder.id);
    if (known !== undefined) return known;
    const { uidValidity } = await this.#main.getStatus(folder);
    this.#uidValidities.set(folder.id, uidValidity);
    return uidValidity;
  }
}
