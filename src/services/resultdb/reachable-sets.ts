/**
 * The scope of a query: every invocation that its invocations reach, and the test variants that its
 * predicate selects from them. Neither can change once all of the query's invocations are FINALIZED,
 * so the pages of a long query share one walk of the graph. The size of what is kept is bounded; the
 * least recently used set is evicted first.
 *
 * Equal queries share one walk while it runs, however many there are. If some of their invocations
 * can still change, they share one that begins after each of them.
 */

import type { Database } from '@postlude/queue/storage';
import { LRUCache } from 'lru-cache';
import type { InvocationId, RowId } from '../../invocations/id.ts';
import { toRowOrder } from '../../invocations/id.ts';
import type { Invocation } from '../../invocations/invocation.ts';
import { readReachable, type Snapshots } from '../../invocations/reachable.ts';
import type { TestResultPredicate } from '../../results/predicate.ts';
import { selectVariants } from '../../results/variants/select-variants.ts';
import type { VariantSet } from '../../results/variants/variant-set.ts';
import { SharedWork } from '../shared/shared-work.ts';

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

/** Enough for the ids of 400,000 invocations, or for a million variants. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;
/** What an id takes. */
const ID_BYTES = 150;

type Selection = Pick<TestResultPredicate, 'expectancy' | 'excludeExonerated'>;

export class ReachableSets {
  readonly #db: Database;
  readonly #kept: LRUCache<string, ReachableSet>;
  readonly #walks = new SharedWork<ReachableSet>();

  constructor(db: Database, maxBytes: number = MAX_KEPT_BYTES) {
    this.#db = db;
    this.#kept = new LRUCache({ maxSize: maxBytes, sizeCalculation: sizeOf });
  }

  /** How many walks are running or about to. */
  get walks(): number {
    return this.#walks.size;
  }

  async read(
    roots: readonly Root[],
    selection: Selection,
    signal: AbortSignal,
  ): Promise<ReachableSet> {
    const ids = roots.map(({ id }) => id);
    const key = keyOf(roots, selection);
    const walk = (aborted: AbortSignal) => this.#walk(ids, selection, aborted);
    if (roots.some(({ state }) => state !== 'FINALIZED')) {
      return await this.#walks.joinNext(`open ${key}`, signal, walk);
    }
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept;
    const set = await this.#walks.join(key, signal, walk);
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
        return this.#db.read(fn, { signal });
      },
    };
    const rowIds = toRowOrder(await readReachable(untilAborted, roots));
    return { rowIds, variants: await selectVariants(untilAborted, rowIds, selection) };
  }
}

function keyOf(roots: readonly Root[], selection: Selection): string {
  const { excludeExonerated = false, expectancy = 'ALL' } = selection;
  const created = roots.map(({ id, createTime }) => `${id}@${createTime}`);
  return [expectancy, excludeExonerated, ...created.sort()].join(' ');
}

/** The cache refuses a size of 0. */
function sizeOf({ rowIds, variants }: ReachableSet): number {
  return Math.max(1, rowIds.length * ID_BYTES + (variants?.bytes ?? 0));
}
