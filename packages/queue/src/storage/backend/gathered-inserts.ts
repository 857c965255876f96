/**
 * Group commit for small inserts: while one transaction commits, the calls that arrive are collected, and
 * the next transaction inserts the rows of all of them. No call waits for others to arrive.
 *
 * Each call resolves after the commit of its own rows, and has its own outcome. If a shared transaction
 * fails, each of its calls inserts its rows alone, so that a row that cannot be stored, or that waits for a
 * lock, fails or delays its own call only. If nobody knows whether the shared transaction was committed, all
 * its calls fail with `outcome-unknown`.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { Batches } from '../../foundations/concurrency.ts';
import { hasCode, toError } from '../../foundations/errors.ts';
import type { InsertOptions } from '../database.ts';
import type { AnyRow } from '../key.ts';
import type { AnyTable, NewRow } from '../table.ts';
import { sizeOf } from '../writes.ts';

/** Inserts rows in a transaction of its own. Returns those whose keys were new, in order. */
export type InsertRows = (table: AnyTable, rows: readonly AnyRow[]) => Promise<readonly AnyRow[]>;

export interface GatheredInsertsParts {
  /** Runs again if the database aborts it. */
  readonly alone: InsertRows;
  /** Gives up at the first failure, and soon if another transaction locks a key. `alone` unless given. */
  readonly together?: InsertRows;
}

/** Spanner limits the cells of a commit to 80,000; these calls stay well below. */
const MAX_CALLS = 256;
/** Larger calls gain nothing from company, and would make others wait for them. */
const MAX_ROWS_OF_CALL = 16;
const MAX_SIZE_OF_CALL = 64_000;

/** `failed`: the shared transaction was certainly not committed. */
type Shared = readonly AnyRow[] | 'failed';

export class GatheredInserts {
  readonly #parts: Required<GatheredInsertsParts>;
  readonly #batches = new Map<string, Batches<readonly AnyRow[], Shared>>();
  /** A shared transaction belongs to no caller, so it must not run in the context of the first one. */
  readonly #outsideCalls = AsyncLocalStorage.snapshot();

  constructor(parts: GatheredInsertsParts) {
    this.#parts = { together: parts.alone, ...parts };
  }

  async insert<T extends AnyTable>(
    table: T,
    rows: readonly NewRow<T>[],
    { gather = true }: InsertOptions = {},
  ): Promise<NewRow<T>[]> {
    if (rows.length === 0) return [];
    const shared = gather && isSmall(rows) ? await this.#insertTogether(table, rows) : 'failed';
    const inserted = shared === 'failed' ? await this.#parts.alone(table, rows) : shared;
    return inserted as NewRow<T>[];
  }

  #insertTogether(table: AnyTable, rows: readonly AnyRow[]): Promise<Shared> {
    return this.#outsideCalls(() => this.#batchesOf(table).add(rows));
  }

  #batchesOf(table: AnyTable): Batches<readonly AnyRow[], Shared> {
    const known = this.#batches.get(table.name);
    if (known) return known;
    const batches = new Batches<readonly AnyRow[], Shared>({
      maxItems: MAX_CALLS,
      run: (calls) => this.#share(table, calls),
    });
    this.#batches.set(table.name, batches);
    return batches;
  }

  async #share(table: AnyTable, calls: readonly (readonly AnyRow[])[]): Promise<Shared[]> {
    try {
      return dealOut(await this.#parts.together(table, calls.flat()), calls);
    } catch (error) {
      if (hasCode(toError(error), 'outcome-unknown')) throw error;
      return calls.map(() => 'failed');
    }
  }
}

function isSmall(rows: readonly AnyRow[]): boolean {
  return rows.length <= MAX_ROWS_OF_CALL && sizeOf(rows) <= MAX_SIZE_OF_CALL;
}

/** Gives each call those of its rows that were inserted. `inserted` has the order of the calls. */
function dealOut(inserted: readonly AnyRow[], calls: readonly (readonly AnyRow[])[]): AnyRow[][] {
  let next = 0;
  const isNext = (row: AnyRow): boolean => row === inserted[next] && ++next > 0;
  return calls.map((rows) => rows.filter(isNext));
}
