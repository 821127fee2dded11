import { survey } from './activities.ts';

/** Looks at every mailbox of a draft, as A2 will; for `mailferry preflight`. The verdicts are in the ledger. */
export async function preflight(input: { migrationId: string }): Promise<{ ok: number; failed: number }> {
  let ok = 0;
  let failed = 0;
  for (let after: number | null = -1; after !== null; ) {
    const page: { lastPosition: number | null; ok: number; failed: number } =
      await survey.preflightPage.executeWithOptions({ summary: `preflight of mailboxes, ${pageName(after)}` }, [
        { migrationId: input.migrationId, afterPosition: after, limit: 50 },
      ]);
    ok += page.ok;
    failed += page.failed;
    after = page.lastPosition;
  }
  return { ok, failed };
}

/** For summaries; positions count from 1. */
export function pageName(afterPosition: number): string {
  return afterPosition < 0 ? 'from the first on' : `from number ${afterPosition + 1} on`;
}
