/**
 * What a query is over: all that its invocations reach, and which test variants its predicate wants
 * of them. Once all of its invocations are FINALIZED neither can change, so the pages of a long
 * query share one walk of the graph. What is kept is bounded by its size; the least recently used
 * goes first.
 */
import type { InvocationId, RowId } from '../../invocations/id.ts';
import { toRowOrder } from '../../invocations/id.ts';
import type { Invocation } from '../../invocations/invocation.ts';
import { readReachable, type Snapshots } from '../../invocations/reachable.ts';
import type { TestResultPredicate } from '../../results/predicate.ts';
import { selectVariants } from '../../results/select-variants.ts';
import type { VariantSet } from '../../results/variant-set.ts';
import type { Database } from '../../storage/database.ts';

export interface ReachableSet {
  /** In row order. */
  readonly rowIds: readonly RowId[];
  /** The test variants that are wanted; `undefined` for all. */
  readonly variants: VariantSet | undefined;
}

/**
 * Where a query begins, as it was read before: what is FINALIZED by then, the walk sees whole. An
 * id may be used again once its invocation has been deleted; its time of creation tells them apart.
 */
export type Root = Pick<Invocation, 'id' | 'createTime' | 'state'>;

/** Ids and tests kept, some 150 bytes each. */
const MAX_KEPT_ITEMS = 200_000;

type Selection = Pick<TestResultPredicate, 'expectancy' | 'excludeExonerated'>;

export class ReachableSets {
  readonly #db: Database;
  readonly #maxItems: number;
  /** In the order of use. */
  readonly #kept = new Map<string, ReachableSet>();
  #keptItems = 0;

  constructor(db: Database, maxItems: number = MAX_KEPT_ITEMS) {
    this.#db = db;
    this.#maxItems = maxItems;
  }

  async read(
    roots: readonly Root[],
    selection: Selection,
    signal: AbortSignal,
  ): Promise<ReachableSet> {
    const ids = roots.map(({ id }) => id);
    if (roots.some(({ state }) => state !== 'FINALIZED')) {
      return await this.#walk(ids, selection, signal);
    }
    const key = keyOf(roots, selection);
    const kept = this.#kept.get(key);
    if (kept !== undefined) {
      this.#kept.delete(key);
      this.#kept.set(key, kept);
      return kept;
    }
    const set = await this.#walk(ids, selection, signal);
    this.#keep(key, set);
    return set;
  }

  async #walk(
    roots: readonly InvocationId[],
    selection: Selection,
    signal: AbortSignal,
  ): Promise<ReachableSet> {
    const untilAborted: Snapshots = {
      read: (fn) => {
        signal.throwIfAborted();
        return this.#db.read(fn);
      },
    };
    const rowIds = toRowOrder(await readReachable(untilAborted, roots));
    return { rowIds, variants: await selectVariants(this.#db, rowIds, selection) };
  }

  #keep(key: string, set: ReachableSet): void {
    if (sizeOf(set) > this.#maxItems) return;
    this.#keptItems += sizeOf(set) - sizeOf(this.#kept.get(key));
    this.#kept.set(key, set);
    for (const [oldest, old] of this.#kept) {
      if (this.#keptItems <= this.#maxItems) return;
      this.#kept.delete(oldest);
      this.#keptItems -= sizeOf(old);
    }
  }
}

function keyOf(roots: readonly Root[], selection: Selection): string {
  const { excludeExonerated = false, expectancy = 'ALL' } = selection;
  const created = roots.map(({ id, createTime }) => `${id}@${createTime}`);
  return [expectancy, excludeExonerated, ...created.sort()].join(' ');
}

function sizeOf(set: ReachableSet | undefined): number {
  return set === undefined ? 0 : set.rowIds.length + (set.variants?.testCount ?? 0);
}
