/**
 * Reads the next item while the current one is being worked on, so that the database and the sink of an
 * export work at the same time. Holds one item more than its source.
 */
export async function* readAhead<T>(
  source: AsyncGenerator<T, void, void>,
): AsyncGenerator<T, void, void> {
  let next = source.next();
  try {
    while (true) {
      const { done, value } = await next;
      if (done) return;
      next = source.next();
      next.catch(() => undefined); // An error is thrown in its turn, after this item.
      yield value;
    }
  } finally {
    // When the reader has ended, nothing of the source is still under way.
    await next.catch(() => undefined);
    await source.return();
  }
}
