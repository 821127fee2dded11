import type { LaneControl, LaneWork } from './lanes.ts';
import type { MailTarget } from './ports/mail.ts';
import type { FolderScope, VerifyContext } from './verify-context.ts';
import { FolderCheck, type UidWindow } from './verify-folder.ts';
import type { VerifyLane } from './verify-mailbox.ts';

/** Messages of one window: a round trip more or less is nothing beside them, and a large folder has enough windows for all lanes. */
const WINDOW = 1_000;

type Task =
  | { readonly kind: 'folder'; readonly scope: FolderScope }
  | { readonly kind: 'window'; readonly reading: Reading; readonly window: UidWindow };

interface Reading {
  readonly check: FolderCheck;
  windowsLeft: number;
}

/** Folders to read, cut into windows of UIDs, so that several connections share a large one. */
export class VerifyWork implements LaneWork<VerifyLane> {
  /** One a folder, complete when the work is over. */
  readonly checks: FolderCheck[] = [];
  readonly #context: VerifyContext;
  readonly #tasks: Task[];
  /** Folders whose windows are not known yet. */
  #opening = 0;
  #bytes = 0;
  #waiting: (() => void)[] = [];

  constructor(context: VerifyContext, scopes: readonly FolderScope[]) {
    this.#context = context;
    this.#tasks = scopes.map((scope) => ({ kind: 'folder', scope }));
  }

  progress(): number {
    return this.#bytes;
  }

  backlog(): number {
    return this.#tasks.reduce((sum, task) => sum + (task.kind === 'window' ? 1 : guessWindows(task.scope)), 0);
  }

  stop(): void {
    this.#tasks.length = 0;
    this.#opening = 0;
    this.#wake();
  }

  async drive({ target }: VerifyLane, control: LaneControl): Promise<void> {
    for (let task = await this.#next(); task !== null; task = await this.#next()) {
      if (task.kind === 'folder') await this.#open(target, task.scope);
      else await this.#read(target, task);
      if (await control.mustEnd()) return;
    }
  }

  /** @returns null when nothing is left, and nothing can come any more */
  async #next(): Promise<Task | null> {
    for (;;) {
      const task = this.#tasks.shift();
      if (task?.kind === 'folder') this.#opening += 1;
      if (task !== undefined || this.#opening === 0) return task ?? null;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async #open(target: MailTarget, scope: FolderScope): Promise<void> {
    try {
      // A folder with a special role is found by it, so INBOX stays INBOX.
      const folder = await target.ensureFolder(scope.targetPath, scope.targetPath.join() === 'INBOX' ? 'inbox' : null);
      const { uidValidity, uidNext, exists } = await target.getStatus(folder);
      const check = new FolderCheck(this.#context, { folder, uidValidity, fidelity: target.fidelity }, scope);
      await check.begin();
      const windows = windowsOf(scope.fromUid, uidNext, exists);
      const reading = { check, windowsLeft: windows.length };
      this.checks.push(check);
      this.#tasks.unshift(...windows.map((window) => ({ kind: 'window', reading, window }) as const));
    } finally {
      this.#opening = Math.max(0, this.#opening - 1);
      this.#wake();
    }
  }

  async #read(target: MailTarget, { reading, window }: Task & { readonly kind: 'window' }): Promise<void> {
    await reading.check.readWindow(target, window, (sizeBytes) => {
      this.#bytes += sizeBytes;
    });
    reading.windowsLeft -= 1;
    if (reading.windowsLeft === 0) await reading.check.end(target.keys);
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** Of a folder that nobody has opened yet. */
function guessWindows({ fromUid, copies, ofPass }: FolderScope): number {
  return Math.max(1, Math.ceil((fromUid === 1 ? copies : ofPass) / WINDOW));
}

/** The last one is open, for what arrives meanwhile; at least one, so that a folder that is empty now is compared too. */
function windowsOf(fromUid: number, uidNext: number, exists: number): readonly UidWindow[] {
  const span = Math.max(0, uidNext - fromUid);
  const count = Math.max(1, Math.ceil(Math.min(span, exists) / WINDOW));
  const width = Math.max(1, Math.ceil(span / count));
  return Array.from({ length: count }, (_, at) => ({
    fromUid: fromUid + at * width,
    beforeUid: at === count - 1 ? null : fromUid + (at + 1) * width,
  }));
}
