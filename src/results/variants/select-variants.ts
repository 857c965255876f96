/**
 * Evaluates predicates about a whole set of invocations, such as "unexpected anywhere", before any
 * result is read: selects the test variants that they let through. Only those variants are held in
 * memory that have an unexpected result, at most 48 bytes for each.
 */

import { type AnyTable, type RowOf, raw, type Sql, sql, text } from '@postlude/queue/storage';
import type { RowId } from '../../invocations/id.ts';
import type { Snapshots } from '../../invocations/reachable.ts';
import { exonerations } from '../exonerations.ts';
import {
  allPages,
  type Filter,
  type PageRequest,
  positionOfRow,
  readPage,
  type Source,
} from '../page.ts';
import type { TestResultPredicate } from '../predicate.ts';
import { testResults } from '../test-results.ts';
import { onlyTestsOf, VariantSet } from './variant-set.ts';

/** A page is one query, which takes some 5 ms in an embedded database. */
const PAGE_ROWS = 1000;

/**
 * Returns the test variants that the predicate selects in these invocations (in row order);
 * `undefined` if it selects all. Each page is a read of its own, so the answer is exact only if the
 * invocations are FINALIZED.
 */
export async function selectVariants(
  db: Snapshots,
  rowIds: readonly RowId[],
  { expectancy = 'ALL', excludeExonerated = false }: TestResultPredicate,
): Promise<VariantSet | undefined> {
  if (expectancy === 'ALL') return undefined;
  const selected = new VariantSet();
  const all = { rowIds, limit: PAGE_ROWS };
  for await (const keys of allKeys(db, all, UNEXPECTED)) for (const key of keys) selected.add(key);
  const without = async (source: KeySource): Promise<void> => {
    for await (const keys of allKeys(db, all, { ...source, among: selected })) {
      for (const key of keys) selected.delete(key);
    }
  };
  if (expectancy === 'VARIANTS_WITH_ONLY_UNEXPECTED_RESULTS') await without(EXPECTED);
  if (excludeExonerated) await without(EXONERATED);
  if (selected.hasForgottenFew) {
    const testIds = new Set<string>();
    for await (const keys of allKeys(db, all, UNEXPECTED)) {
      for (const key of keys) if (selected.has(key)) testIds.add(key.testId);
    }
    selected.learnTests(testIds);
  }
  return selected;
}

interface KeySource {
  readonly table: AnyTable;
  readonly itemColumn: 'result_id' | 'exoneration_id';
  readonly condition: Sql;
}

const UNEXPECTED: KeySource = {
  table: testResults,
  itemColumn: 'result_id',
  condition: raw(' AND is_unexpected'),
};

const EXPECTED: KeySource = { ...UNEXPECTED, condition: raw(' AND is_unexpected IS NULL') };

const EXONERATED: KeySource = {
  table: exonerations,
  itemColumn: 'exoneration_id',
  condition: raw(''),
};

const KEY_COLUMNS = { invocationId: text, testId: text, itemId: text, variantHash: text };

const ALL: Filter<unknown> = { matches: () => true, work: 0 };

/** Reads the keys of all tests, or of those in `among`. */
function allKeys(
  db: Snapshots,
  request: PageRequest,
  { among, ...source }: KeySource & { readonly among?: VariantSet },
) {
  const { table, itemColumn } = source;
  const select = sql`SELECT invocation_id, test_id, ${raw(itemColumn)} AS item_id, variant_hash
    FROM ${table}`;
  const keys: Source<RowOf<typeof KEY_COLUMNS>> = {
    itemColumn,
    maxRows: PAGE_ROWS,
    rowsOf: (reader) => ({
      select,
      condition: sql`${source.condition}${onlyTestsOf(reader, among)}`,
      async *read(query) {
        const rows = await reader.query(query, KEY_COLUMNS);
        yield rows.map((item) => ({ item, bytes: 0 }));
      },
    }),
    positionOf: positionOfRow,
    filter: ALL,
  };
  return allPages(request, (page) => readPage(db, page, keys));
}
