/**
 * How much a transaction writes, as Spanner counts it, which has the lowest limit: a cell of a row is
 * one mutation, a row to delete is one, and entries of indexes count likewise. Where a row may or
 * may not change an index (one that leaves out NULLs, say), it counts as if it did.
 */
import type { AnyTable } from './table.ts';
import type { WriteKind } from './writes.ts';

/** Of a commit, by Spanner. */
export const MAX_MUTATIONS = 80_000;

/** Of one row that gives these properties. */
export function mutationsOfRow(
  table: AnyTable,
  kind: WriteKind,
  properties: readonly string[],
): number {
  const indexes = table.indexes ?? [];
  if (kind === 'delete') return 1 + indexes.length;
  const changed = properties.filter((property) => !table.key.includes(property));
  // What is no column of the table is generated, maybe from one that changes.
  const mayChange = (column: string): boolean =>
    changed.includes(column) || !(column in table.columns);
  const touched =
    kind === 'update' ? indexes.filter((columns) => columns.some(mayChange)) : indexes;
  // The entry that goes, and the cells of the one that comes.
  return touched.reduce((sum, columns) => sum + 1 + columns.length, properties.length);
}
