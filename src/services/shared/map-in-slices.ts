import { Pace } from '../../results/pace.ts';

/** The work of one item, so that a slice has some hundred of them. */
const ITEM_WORK = 2_000;

/** Maps many items, some in each turn of the event loop. Throws the signal's reason if it aborts. */
export async function mapInSlices<T, R>(
  items: readonly T[],
  signal: AbortSignal,
  map: (item: T) => R,
): Promise<R[]> {
  const worker = { work: 0 };
  const pace = new Pace(worker, signal);
  const mapped: R[] = [];
  for (const item of items) {
    mapped.push(map(item));
    worker.work += ITEM_WORK;
    if (pace.isSliceOver) await pace.nextSlice();
  }
  return mapped;
}
