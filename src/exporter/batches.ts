/**
 * Cuts rows into batches by number and by bytes. The rows are numbered through, so that a sink can
 * say how far it has come, and the numbers mean the same in every attempt: what is exported never
 * changes, and is read in one order.
 */
import type { ExportRow } from './row.ts';
import { rowBytes } from './row-size.ts';

export interface Batch {
  /** How many rows of the export come before the first of these. */
  readonly offset: number;
  readonly rows: readonly ExportRow[];
  /** Of all rows as JSON. */
  readonly bytes: number;
}

export interface BatchLimits {
  readonly maxRows: number;
  /** A row that is larger all by itself makes a batch of its own. */
  readonly maxBytes: number;
}

/** Pages of rows, of any size, as batches; never an empty one. */
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

/** Whether one row more would break a limit. */
function isFull(
  batch: Pick<Batch, 'rows' | 'bytes'>,
  nextBytes: number,
  { maxRows, maxBytes }: BatchLimits,
): boolean {
  if (batch.rows.length === 0) return false;
  return batch.rows.length >= maxRows || batch.bytes + nextBytes > maxBytes;
}
