/**
 * The scope of a query: every invocation that its invocations reach, and the test variants that its
 * predicate selects from them. Neither can change once all of the query's invocations are FINALIZED,
 * so the pages of a long query share one walk of the graph. The size of what is kept is bounded; the
 * least recently used set is evicted first.
 */

import type { Database } from '@postlude/queue/storage';
import { LRUCache } from 'lru-cache';
import type { InvocationId, RowId } from '../../invocations/id.ts';
import { toRowOrder } from '../../invocations/id.ts';
import type { Invocation } from '../../invocations/invocation.ts';
import { readReachable, type Snapshots } from '../../invocations/reachable.ts';
import type { TestResultPredicate } from '../../results/predicate.ts';
import { selectVariants } from '../../results/select-variants.ts';
import type { VariantSet } from '../../results/variant-set.ts';

export interface ReachableSet {
  /** In row order. */
  readonly rowIds: readonly RowId[];
  /** The selected test variants; `undefined` selects all. */
  readonly variants: VariantSet | undefined;
}

/**
 * An invocation that a query names, as it was read before the walk. If it was FINALIZED then, the walk
 * sees everything that it will ever reach. An id can be reused after its invocation was deleted; the
 * time of creation tells the two apart.
 */
export type Root = Pick<Invocation, 'id' | 'createTime' | 'state'>;

/** Counts ids and tests; each takes about 150 bytes. */
const MAX_KEPT_ITEMS = 200_000;

type Selection = Pick<TestResultPredicate, 'expectancy' | 'excludeExonerated'>;

export class ReachableSets {
  readonly #db: Database;
  readonly #kept: LRUCache<string, ReachableSet>;

  constructor(db: Database, maxItems: number = MAX_KEPT_ITEMS) {
    this.#db = db;
    this.#kept = new LRUCache({ maxSize: maxItems, sizeCalculation: sizeOf });
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
    if (kept !== undefined) return kept;
    const set = await this.#walk(ids, selection, signal);
    this.#kept.set(key, set);
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
}

function keyOf(roots: readonly Root[], selection: Selection): string {
  const { excludeExonerated = false, expectancy = 'ALL' } = selection;
  const created = roots.map(({ id, createTime }) => `${id}@${createTime}`);
  return [expectancy, excludeExonerated, ...created.sort()].join(' ');
}

/** The cache refuses a size of 0. */
function sizeOf({ rowIds, variants }: ReachableSet): number {
  return Math.max(1, rowIds.length + (variants?.testCount ?? 0));
}
