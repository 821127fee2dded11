import { jsonFormOf } from './json-form.ts';
import { FlagCheck, type LostFlags } from './lost-flags.ts';
import type { FolderPath } from './mail.ts';
import { isReadable, isSameMark, keyOfMark, markLike, markOf } from './marks.ts';
import { messageKeyOf } from './message-key.ts';
import type { DeliveredCopy, FolderFinding } from './ports/ledger.ts';
import type { CopyKeys, MailTarget, TargetFolder, TargetMessage } from './ports/mail.ts';
import type { Fidelity } from './routes.ts';
import { contentOf, isSameContent } from './same-content.ts';
import { sameSecond, Unmatched } from './unmatched.ts';
import type { FolderScope, Found, VerifyContext } from './verify-context.ts';

export interface UidWindow {
  readonly fromUid: number;
  /** Null: no end. */
  readonly beforeUid: number | null;
}

interface Opened {
  readonly folder: TargetFolder;
  readonly uidValidity: string;
  readonly fidelity: Fidelity;
}

/** A message at the very UID where a copy should be, with other bytes. */
interface Suspect {
  readonly copy: DeliveredCopy;
  readonly found: Found;
}

/** Above every UID, which has 32 bits (RFC 9051 §2.3.1.1): behind it the ledger lists only copies without one. */
const BEYOND = 2 ** 32;
/** Suspects whose originals are read together. */
const SUSPECTS = 50;
/** Of one question. */
const KEYS = 500;
const SUSPECT_BYTES = 4 << 20;

/**
 * Compares one target folder with what the ledger says of it. Windows may be read side by side. Copies and messages both come in
 * ascending UID, so they are merged without being held; only what does not fit, or has no known UID, is kept until the end.
 *
 * What lies before our first copy is matched with what is owed, and is no double if it is too much: it was there before us, be it
 * twice (T42). What we did not bring at all is none of our business.
 */
export class FolderCheck {
  readonly folder: TargetFolder;
  readonly scope: FolderScope;
  /** Copies that are not in this folder; those found in another one are taken out and counted as misfiled. */
  readonly lost = new Set<DeliveredCopy>();
  readonly misfiled = new Map<DeliveredCopy, string>();
  /** Copies that were taken out as well: each with the place outside of the mailbox's folders where it lies. */
  readonly movedByPolicy = new Map<DeliveredCopy, string>();
  /** Surplus messages; the copy of the same content, where it is known. */
  readonly doubles = new Map<Found, DeliveredCopy | null>();
  readonly #context: VerifyContext;
  readonly #uidValidity: string;
  readonly #fidelity: Fidelity;
  readonly #unmatched = new Unmatched();
  readonly #flags = new FlagCheck();
  readonly #counts = { changed: 0, altered: 0, datesMoved: 0, flagsLost: 0, seen: 0 };
  /** What the target made of our copies, by what marks are sorted by: another message with one of them is a double. */
  readonly #altered = new Set<string>();
  readonly #changed: Suspect[] = [];
  #suspects: Suspect[] = [];
  #suspectBytes = 0;

  constructor(context: VerifyContext, opened: Opened, scope: FolderScope) {
    this.#context = context;
    this.folder = opened.folder;
    this.#uidValidity = opened.uidValidity;
    this.#fidelity = opened.fidelity;
    this.scope = scope;
  }

  get path(): FolderPath {
    return this.scope.targetPath;
  }

  /** Before the first window. */
  async begin(): Promise<void> {
    if (this.scope.withoutUid === 0) return;
    for await (const copy of this.#delivered(BEYOND)) if (copy.targetUid === null) await this.#addCopy(copy);
  }

  async readWindow(target: MailTarget, window: UidWindow, onBytes: (sizeBytes: number) => void): Promise<void> {
    const { signal, onSeen } = this.#context;
    const copies = this.#knownIn(window);
    let next = await copies.next();
    try {
      for await (const message of target.listMessages(this.folder, window.fromUid, window.beforeUid ?? undefined)) {
        signal?.throwIfAborted();
        while (next.value && (next.value.targetUid ?? 0) < message.uid) {
          await this.#addCopy(next.value);
          next = await copies.next();
        }
        const copy = next.value?.targetUid === message.uid ? next.value : null;
        if (copy) next = await copies.next();
        await this.#compare(copy, message);
        this.#counts.seen += 1;
        onBytes(message.raw.length);
        onSeen();
      }
      for (; next.value; next = await copies.next()) await this.#addCopy(next.value);
    } finally {
      await copies.return(undefined);
    }
  }

  /** After the last window: what is left unmatched is lost, changed, doubled or none of our business. */
  async end(keys: CopyKeys | null): Promise<void> {
    await this.#askOriginals();
    for (const { copy, found } of this.#unmatched.takePairs()) await this.#match(copy, found);
    await this.#matchByContent();
    for (const { copy, found } of this.#changed.splice(0)) await this.#judgeChanged(copy, found);
    for (const copy of this.#unmatched.copies()) this.lost.add(copy);
    await this.#findDoubles(this.#unmatched.found(), keys);
    for (const lost of this.#flags.takeRest()) await this.#nameFlags(lost);
  }

  /** Once more for the lost ones, one by one, at the UIDs that they were given. */
  async lookAgain(target: MailTarget): Promise<void> {
    for (const copy of [...this.lost]) {
      const { targetUid, targetUidValidity } = copy;
      if (targetUid === null || targetUidValidity !== this.#uidValidity) continue;
      for await (const { uid, raw, internalDate, flags } of target.listMessages(
        this.folder,
        targetUid,
        targetUid + 1,
      )) {
        const marks = this.#marksOf(copy, raw);
        if (uid !== targetUid || !isSameMark(copy.fingerprint, marks[0])) continue;
        this.lost.delete(copy);
        await this.#match(copy, { uid, marks, sizeBytes: raw.length, internalDate, flags, content: null });
      }
    }
    for (const lost of this.#flags.takeRest()) await this.#nameFlags(lost);
  }

  /** After the searches for lost ones elsewhere; one that is misfiled may be a loss and a double before. */
  async nameFaults(): Promise<void> {
    const { log } = this.#context;
    for (const copy of this.lost)
      await log.add('MESSAGE_LOST', this.path, copy, 'Its content is nowhere at the target.');
    for (const [copy, place] of this.misfiled)
      await log.add('MESSAGE_MISFILED', this.path, copy, `It lies in ${place}.`);
    for (const [copy, place] of this.movedByPolicy)
      await log.add('MOVED_BY_POLICY', this.path, copy, `It lies in ${place}.`);
    for (const [found, copy] of this.doubles) {
      const detail = 'The same message is there once more than it should be; this is the UID of the surplus one.';
      if (copy === null) await log.addFound('MESSAGE_DOUBLED', this.path, found, detail);
      else await log.add('MESSAGE_DOUBLED', this.path, copy, detail, found.uid);
    }
  }

  finding(): FolderFinding {
    const { lost, misfiled, doubles } = this;
    return {
      targetPath: this.path,
      lost: lost.size,
      doubled: doubles.size,
      misfiled: misfiled.size,
      ...this.#counts,
    };
  }

  /** Copies with a UID that still means something, ascending; the others are put aside or passed over. */
  async *#knownIn({ fromUid, beforeUid }: UidWindow): AsyncGenerator<DeliveredCopy, undefined> {
    for await (const copy of this.#delivered(fromUid)) {
      if (copy.targetUid === null || copy.targetUid >= (beforeUid ?? BEYOND)) return;
      if (copy.targetUidValidity === this.#uidValidity) yield copy;
      // The folder was counted anew: the copy may be anywhere in it, so only a whole reading can tell.
      else if (this.scope.fromUid === 1) await this.#addCopy(copy);
    }
  }

  #delivered(fromUid: number): AsyncIterable<DeliveredCopy> {
    return this.#context.ledger.listDelivered(this.#context.mailboxId, this.path, fromUid);
  }

  async #compare(copy: DeliveredCopy | null, message: TargetMessage): Promise<void> {
    const marks = this.#marksOf(copy, message.raw);
    const isSame = copy !== null && isSameMark(copy.fingerprint, marks[0]);
    // Where copies have no known UID, any message with a mark that nobody expects may be one that the target wrote anew.
    const mayBeHomeless = this.scope.withoutUid > 0 || this.#hasUnreadable();
    const mayBeAltered = copy === null ? mayBeHomeless && !this.#unmatched.expects(marks) : !isSame;
    const isWanted = this.#context.originals !== null && mayBeAltered;
    const { uid, internalDate, flags } = message;
    const content = isWanted ? contentOf(message.raw) : null;
    const found: Found = { uid, marks, sizeBytes: message.raw.length, internalDate, flags, content };
    if (copy === null) await this.#addFound(found);
    else if (isSame) await this.#match(copy, found);
    else await this.#suspect(copy, found);
  }

  /** Of the kind that the copy at its UID has, else of all kinds that copies of this folder have. */
  #marksOf(copy: DeliveredCopy | null, raw: Buffer): readonly [string, ...string[]] {
    const like = copy === null ? null : markLike(raw, this.#fidelity, copy.fingerprint);
    if (like !== null) return [like];
    const mark = markOf(raw, this.#fidelity);
    return this.#fidelity === 'bytes' && this.scope.byContent > 0 ? [mark, markOf(raw, 'content')] : [mark];
  }

  /** Copies that were brought by a route that gave back more than this one: they are known by their originals only. */
  #hasUnreadable(): boolean {
    return this.#fidelity !== 'bytes' && this.scope.byContent < this.scope.copies;
  }

  async #addCopy(copy: DeliveredCopy): Promise<void> {
    const found = this.#unmatched.addCopy(copy);
    if (found) await this.#match(copy, found);
  }

  async #addFound(found: Found): Promise<void> {
    const copy = this.#unmatched.addFound(found);
    if (copy) await this.#match(copy, found);
  }

  /** The content is right; date and flags are compared, unless somebody else brought it. */
  async #match(copy: DeliveredCopy, found: Found): Promise<void> {
    if (copy.state === 'already-there') return;
    if (!sameSecond(copy.receivedAt, found.internalDate)) {
      this.#counts.datesMoved += 1;
      const detail = `It arrived ${copy.receivedAt} and has ${found.internalDate ?? 'no date'} at the target.`;
      await this.#context.log.add('DATE_MOVED', this.path, copy, detail, found.uid);
    }
    const placed = copy.targetUid === found.uid ? copy : { ...copy, targetUid: found.uid };
    const lost = this.#flags.compare(placed, found.flags);
    if (lost) await this.#nameFlags(lost);
  }

  async #nameFlags({ copy, flags }: LostFlags): Promise<void> {
    this.#counts.flagsLost += 1;
    await this.#context.log.add('FLAGS_LOST', this.path, copy, `Missing at the target: ${flags.join(' ')}`);
  }

  async #suspect(copy: DeliveredCopy, found: Found): Promise<void> {
    this.#suspects.push({ copy, found });
    this.#suspectBytes += copy.sizeBytes;
    if (this.#suspects.length >= SUSPECTS || this.#suspectBytes >= SUSPECT_BYTES) await this.#askOriginals();
  }

  /** Suspects with the content of their original are as they should be; the others stay unmatched. */
  async #askOriginals(): Promise<void> {
    const suspects = this.#suspects;
    this.#suspects = [];
    this.#suspectBytes = 0;
    const foundOf = new Map(suspects.map(({ copy, found }) => [copy, found]));
    const same: Suspect[] = [];
    await this.#context.originals?.read([...foundOf.keys()], (copy, original) => {
      const found = foundOf.get(copy);
      if (found === undefined || !this.#isSameAs(copy, original, found)) return;
      same.push({ copy, found });
      foundOf.delete(copy);
    });
    for (const each of same) await this.#matchAltered(each);
    for (const [copy, found] of foundOf) {
      this.#changed.push({ copy, found });
      await this.#addCopy(copy);
      await this.#addFound(found);
    }
  }

  /** What the target made of a message, or what it tells of one that another route has brought. */
  #isSameAs({ state }: DeliveredCopy, original: Buffer, { content, marks }: Found): boolean {
    if (content === null) return false;
    const isKnown = this.#fidelity !== 'bytes' && isSameMark(markOf(original, this.#fidelity), marks[0]);
    if (isKnown || isSameContent(content, original)) return true;
    if (this.#fidelity !== 'parts') return false;
    // Of a message without a date it has what the route carries, and a date that the target made up.
    const form = jsonFormOf(original);
    return (form.lost.length === 0 || state === 'repaired') && isSameContent(content, form.raw);
  }

  async #matchAltered({ copy, found }: Suspect): Promise<void> {
    this.#counts.altered += 1;
    for (const mark of found.marks) this.#altered.add(keyOfMark(mark));
    await this.#match(copy, found);
  }

  /** Copies whose place is not known and whose bytes are nowhere: perhaps the target wrote them anew. */
  async #matchByContent(): Promise<void> {
    const { originals } = this.#context;
    const isHomeless = ({ targetUid, fingerprint }: DeliveredCopy) => {
      return targetUid === null || !isReadable(fingerprint, this.#fidelity);
    };
    const homeless = this.#unmatched.copies().filter(isHomeless);
    if (originals === null || homeless.length === 0) return;
    const candidates = new Set(this.#unmatched.found());
    for (let at = 0; at < homeless.length; at += SUSPECTS) {
      const same: Suspect[] = [];
      await originals.read(homeless.slice(at, at + SUSPECTS), (copy, original) => {
        for (const found of candidates) {
          if (!this.#isSameAs(copy, original, found)) continue;
          candidates.delete(found);
          same.push({ copy, found });
          return;
        }
      });
      for (const each of same) {
        this.#unmatched.take(each.copy, each.found);
        await this.#matchAltered(each);
      }
    }
  }

  /** Neither its bytes nor its content are anywhere in the folder, and at its UID lies something else. */
  async #judgeChanged(copy: DeliveredCopy, found: Found): Promise<void> {
    if (!this.#unmatched.has(copy, found)) return;
    this.#unmatched.take(copy, found);
    await this.#nameChanged(copy, found);
  }

  async #nameChanged(copy: DeliveredCopy, found: Found): Promise<void> {
    this.#counts.changed += 1;
    const sizes = `${found.sizeBytes} octets at the target, ${copy.sizeBytes} at the source`;
    await this.#context.log.add('MESSAGE_CHANGED', this.path, copy, `Its content is not the original's: ${sizes}.`);
  }

  async #findDoubles(found: readonly Found[], keys: CopyKeys | null): Promise<void> {
    const first = this.scope.firstUidOfOurs;
    const surplus = first === null ? [] : found.filter(({ uid }) => uid >= first);
    if (surplus.length === 0) return;
    const left = new Map<string, Set<Found>>();
    for (const each of surplus) {
      for (const key of each.marks.map(keyOfMark)) left.set(key, (left.get(key) ?? new Set<Found>()).add(each));
    }
    for await (const copy of this.#delivered(this.scope.fromUid)) {
      const key = keyOfMark(copy.fingerprint);
      for (const each of left.get(key) ?? []) this.doubles.set(each, copy);
      left.delete(key);
    }
    for (const [key, rest] of left) {
      if (!this.#altered.has(key)) continue;
      for (const each of rest) if (!this.doubles.has(each)) this.doubles.set(each, null);
    }
    if (keys !== null)
      await this.#findDoublesByKey(
        surplus.filter((each) => !this.doubles.has(each)),
        keys,
      );
  }

  /** What bears the key of a copy was written as one, whatever it says by now (T36). Asked only where there is mail that nobody knows. */
  async #findDoublesByKey(rest: readonly Found[], keys: CopyKeys): Promise<void> {
    if (rest.length === 0) return;
    const byUid = new Map(rest.map((each) => [each.uid, each]));
    const ask = async (copies: ReadonlyMap<string, DeliveredCopy>) => {
      for await (const { key, uid } of keys.find(this.folder, [...copies.keys()])) {
        const [double, copy] = [byUid.get(uid), copies.get(key)];
        if (double === undefined || copy === undefined) continue;
        if (this.lost.delete(copy)) await this.#nameChanged(copy, double);
        else this.doubles.set(double, copy);
      }
    };
    let page = new Map<string, DeliveredCopy>();
    for await (const copy of this.#delivered(this.scope.fromUid)) {
      page.set(messageKeyOf(this.#context.mailboxId, copy), copy);
      if (page.size < KEYS) continue;
      await ask(page);
      page = new Map();
    }
    if (page.size > 0) await ask(page);
  }
}
