/**
 * Reads a list page by page, so that memory does not grow with it and no cursor holds a transaction open while a slow reader
 * reads. Rows that come meanwhile are seen or not; none is seen twice.
 */
export async function* paged<Row extends { number: number }>(
  nextPage: (afterNumber: number, limit: number) => Promise<readonly Row[]>,
  limit = 200,
): AsyncIterable<Row> {
  let after = -1;
  for (;;) {
    const rows = await nextPage(after, limit);
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < limit) return;
    after = last.number;
  }
}
