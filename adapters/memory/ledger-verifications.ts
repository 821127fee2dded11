import type { FolderPath } from '../../domain/mail.ts';
import type { Pass } from '../../domain/passes.ts';
import type { Deviation, FolderFinding, Lease } from '../../domain/ports/ledger.ts';

/** What verifications of one mailbox found, in memory. */
export class MemoryVerifications {
  readonly #findings = new Map<string, { readonly passNumber: number; readonly finding: FolderFinding }>();
  #deviations: readonly Deviation[] = [];
  /** Named by a verification that has not ended, under the lease of this number. */
  #pending: { readonly fence: number; readonly deviations: readonly Deviation[] } | null = null;

  name({ fence }: Lease, deviations: readonly Deviation[]): void {
    const before = this.#pending?.fence === fence ? this.#pending.deviations : [];
    this.#pending = { fence, deviations: [...before, ...deviations] };
  }

  end({ fence }: Lease, pass: Pass, findings: readonly FolderFinding[]): void {
    const named = this.#pending?.fence === fence ? this.#pending.deviations : [];
    this.#pending = null;
    const replaced = new Set<string>();
    for (const finding of findings) {
      const key = pathKey(finding.targetPath);
      if ((this.#findings.get(key)?.passNumber ?? 0) > pass.number) continue;
      this.#findings.set(key, { passNumber: pass.number, finding });
      replaced.add(key);
    }
    const isReplaced = ({ targetPath }: Deviation) => replaced.has(pathKey(targetPath));
    const kept = this.#deviations.filter((deviation) => !isReplaced(deviation));
    this.#deviations = [...kept, ...named.filter(isReplaced)];
  }

  findings(): readonly FolderFinding[] {
    return [...this.#findings.values()].map(({ finding }) => finding);
  }

  deviations(): readonly Deviation[] {
    const byFolder = Map.groupBy(this.#deviations, ({ targetPath }) => pathKey(targetPath));
    return [...this.#findings.keys()].flatMap((key) => byFolder.get(key) ?? []);
  }
}

function pathKey(path: FolderPath): string {
  return JSON.stringify(path);
}
