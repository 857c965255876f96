/**
 * Cuts rows into batches by number and by bytes. The rows are numbered consecutively, so that a
 * sink can say how far it has come. The numbers mean the same in every attempt, since what is
 * exported never changes and is always read in the same order.
 */
import type { ExportRow } from './rows/row-kind.ts';
import { rowBytes } from './rows/row-size.ts';

export interface Batch {
  /** How many rows of the export come before the first row of the batch. */
  readonly offset: number;
  readonly rows: readonly ExportRow[];
  /** The size of all rows as JSON. */
  readonly bytes: number;
}

export interface BatchLimits {
  readonly maxRows: number;
  /** A single row that is larger becomes a batch of its own. */
  readonly maxBytes: number;
}

/** Yields the rows of pages of any size as batches; no batch is empty. */
export async function* cutBatches(
  pages: AsyncIterable<readonly ExportRow[]>,
  limits: BatchLimits,
  firstOffset = 0,
): AsyncGenerator<Batch, void, void> {
  let batch: { readonly rows: ExportRow[]; bytes: number } = { rows: [], bytes: 0 };
  let offset = firstOffset;
  for await (const page of pages) {
    for (const row of page) {
      const bytes = rowBytes(row);
      if (isFull(batch, bytes, limits)) {
        yield { offset, ...batch };
        offset += batch.rows.length;
        batch = { rows: [], bytes: 0 };
      }
      batch.rows.push(row);
      batch.bytes += bytes;
    }
  }
  if (batch.rows.length > 0) yield { offset, ...batch };
}

/** Returns whether one more row would exceed a limit. */
function isFull(
  batch: Pick<Batch, 'rows' | 'bytes'>,
  nextBytes: number,
  { maxRows, maxBytes }: BatchLimits,
): boolean {
  if (batch.rows.length === 0) return false;
  return batch.rows.length >= maxRows || batch.bytes + nextBytes > maxBytes;
}
