import { z } from 'zod';

export const PageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  cursor: z.string().max(200).optional().describe('`nextCursor` of the page before'),
});

/** Cuts one page out of a stream; the cursor is the id of the last thing on the page before. */
export async function pageOf<T extends { id: string }>(
  all: AsyncIterable<T>,
  { limit, cursor }: z.output<typeof PageQuery>,
): Promise<{ items: T[]; nextCursor: string | null }> {
  const items: T[] = [];
  let started = cursor === undefined;
  for await (const one of all) {
    if (!started) {
      started = one.id === cursor;
      continue;
    }
    if (items.length === limit) return { items, nextCursor: items.at(-1)?.id ?? null };
    items.push(one);
  }
  return { items, nextCursor: null };
}

/** Everything at once, for reports. */
export async function collect<T>(all: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const one of all) items.push(one);
  return items;
}
