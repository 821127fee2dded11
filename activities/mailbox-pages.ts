import type { MigrationStore, StoredMailbox } from '../domain/ports/store.ts';

const PAGE = 200;

/** Every mailbox of the list that is not dropped, read in pages. */
export async function* listAllMailboxes(store: MigrationStore, migrationId: string): AsyncIterable<StoredMailbox> {
  let after = -1;
  for (;;) {
    const page = await store.pageMailboxes(migrationId, after, PAGE);
    const last = page.at(-1);
    if (!last) return;
    yield* page;
    after = last.position;
  }
}

/** Where the next page begins; null when this one was the last. */
export function nextPosition(page: readonly StoredMailbox[], limit: number): number | null {
  return page.length < limit ? null : (page.at(-1)?.position ?? null);
}
