import type { BeforeMxMoves } from '../../domain/before-mx-moves.ts';
import { MigrationError } from '../../domain/errors.ts';
import type { TargetEraser } from '../../domain/ports/eraser.ts';
import type { MemoryMailSystem } from './mail.ts';

/** Removes from a mailbox in memory. `removals` counts what it was told to. */
export class MemoryEraser implements TargetEraser {
  removals = 0;
  readonly #system: MemoryMailSystem;

  constructor(system: MemoryMailSystem) {
    this.#system = system;
  }

  async *readCopies(...[folder, uidValidity, uids]: Parameters<TargetEraser['readCopies']>) {
    for (const { uid, raw, internalDate, flags } of [...this.#open(folder.path, uidValidity).messages]) {
      if (uids.includes(uid)) yield { uid, raw, internalDate, flags };
    }
  }

  async removeExactly(
    _proof: BeforeMxMoves,
    ...[folder, uidValidity, uids]: Parameters<TargetEraser['readCopies']>
  ): Promise<void> {
    this.#open(folder.path, uidValidity);
    for (const uid of uids) {
      this.#system.removeMessage(folder.path, uid);
      this.removals += 1;
    }
  }

  async close(): Promise<void> {}

  #open(path: readonly string[], uidValidity: string) {
    const folder = this.#system.getFolder(path);
    if (folder.uidValidity !== uidValidity) throw new MigrationError('FOLDER_VANISHED', 'UIDVALIDITY has changed.');
    return folder;
  }
}
