import {
  asGmailFolders,
  type FolderRank,
  isGmailView,
  type LabelRules,
  type Place,
  placeOrigin,
  rankGmailFolders,
  VIEW_WORDS,
} from './gmail-labels.ts';
import type { SourceFolder } from './mail.ts';
import type { Lease, Ledger } from './ports/ledger.ts';
import type { FolderJob } from './work-units.ts';

export interface GmailContext {
  readonly ledger: Ledger;
  readonly lease: Lease;
  readonly signal: AbortSignal;
  readonly labels: LabelRules;
}

/** Rows of one record. */
const WINDOW = 1_000;

/** Gives the messages of one Gmail mailbox their places in a pass. */
export class GmailPlaces {
  /** As the pass plans them. */
  readonly folders: readonly SourceFolder[];
  readonly #context: GmailContext;
  readonly #ranks: ReadonlyMap<string, FolderRank>;
  #jobs: readonly FolderJob[] = [];

  /** @param listed  with the roles of special use */
  constructor(context: GmailContext, listed: readonly SourceFolder[]) {
    this.#context = context;
    this.#ranks = rankGmailFolders(listed, context.labels.order);
    this.folders = asGmailFolders(listed);
  }

  /** All folders of the pass. */
  setJobs(jobs: readonly FolderJob[]): void {
    this.#jobs = jobs;
  }

  /** Why nothing of a folder is copied; null: it may be. */
  exclude(folder: SourceFolder): string | null {
    return isGmailView(folder) ? VIEW_WORDS : null;
  }

  /**
   * After the census of all folders: only then is it known where a message is. To be called again when a place was lost on the way.
   * Idempotent.
   * @returns `changed` and the folders that have something to copy besides, without views, which have no folder at the target
   */
  async place(changed: readonly FolderJob[]): Promise<readonly FolderJob[]> {
    const opened = await this.#record();
    return this.#jobs.filter(({ entry, source }) => {
      const hasWork = opened.has(entry.id) || changed.some((job) => job.entry.id === entry.id);
      return hasWork && !isGmailView(source);
    });
  }

  /** @returns ids of the folders in which something is to be copied that was excluded before */
  async #record(): Promise<ReadonlySet<string>> {
    const { ledger, lease, labels, signal } = this.#context;
    const rankById = new Map(this.#jobs.map(({ entry, source }) => [entry.id, this.#ranks.get(source.id) ?? null]));
    const rankOf = (folderId: string) => rankById.get(folderId) ?? null;
    const opened = new Set<string>();
    let window: Place[] = [];
    const flush = async () => {
      signal.throwIfAborted();
      if (window.length > 0) await ledger.recordPlaces(lease, window);
      window = [];
    };
    for await (const rows of ledger.listOpenOrigins(lease.mailboxId)) {
      for (const place of placeOrigin(rows, rankOf, labels.policy)) {
        window.push(place);
        if (place.excluded === null && place.takesFrom === null) opened.add(place.folderId);
      }
      if (window.length >= WINDOW) await flush();
    }
    await flush();
    return opened;
  }
}
