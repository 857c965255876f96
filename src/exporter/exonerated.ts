/** Finds the test variants that are exonerated anywhere in a set of invocations. */

import type { Database } from '@postlude/queue/storage';
import type { RowId } from '../invocations/id.ts';
import { exonerationsPage } from '../results/exonerations.ts';
import { allPages } from '../results/page.ts';
import { CompactVariantSet } from '../results/variants/compact-variants.ts';

const PAGE_ROWS = 1000;

/**
 * Reads the whole set before any row is written, as an exoneration may come after the result that
 * it exonerates.
 */
export async function readExonerated(
  db: Pick<Database, 'read'>,
  rowIds: readonly RowId[],
): Promise<CompactVariantSet> {
  const exonerated = new CompactVariantSet();
  const pages = allPages({ rowIds, limit: PAGE_ROWS }, (request) => exonerationsPage(db, request));
  for await (const page of pages) for (const exoneration of page) exonerated.add(exoneration);
  return exonerated;
}
