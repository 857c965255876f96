/**
 * Counts what a transaction writes in Spanner's way, as Spanner has the lowest limit. Each cell of a row is
 * one mutation, a row to delete is one, and entries of indexes count likewise. If a row may or may not
 * change an index (one that leaves out NULLs, say), it counts as if it did.
 */
import type { AnyTable } from './table.ts';
import type { WriteKind } from './writes.ts';

/** Spanner's limit for one commit. */
export const MAX_MUTATIONS = 80_000;

/** Returns the mutations of writing one row with these properties. */
export function mutationsOfRow(
  table: AnyTable,
  kind: WriteKind,
  properties: readonly string[],
): number {
  const indexes = table.indexes ?? [];
  if (kind === 'delete') return 1 + indexes.length;
  const changed = properties.filter((property) => !table.key.includes(property));
  // A column that the table does not declare is generated, and may depend on one that changes.
  const mayChange = (column: string): boolean =>
    changed.includes(column) || !(column in table.columns);
  const touched =
    kind === 'update' ? indexes.filter((columns) => columns.some(mayChange)) : indexes;
  // One mutation deletes the old entry; the new entry counts one for each cell.
  return touched.reduce((sum, columns) => sum + 1 + columns.length, properties.length);
}
