/** All of an async iterable in memory: for lists that are known to be short (folders of a mailbox), and for tests. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}
