/**
 * Exports of one invocation are told apart by their indexes. Those that it was created with have 0, 1, …,
 * the export of its own row has an index that no other has, and those that were asked for later have higher
 * ones (status.ts).
 */
import { INVOCATIONS, type RowKind, TEST_RESULTS } from './rows/row-kind.ts';

export const INVOCATION_ROW_INDEX = 999_999;

/** The name of that export, where others have their number. */
const INVOCATION_ROW = 'invocation';

export function rowKindOf(index: number): RowKind {
  return index === INVOCATION_ROW_INDEX ? INVOCATIONS : TEST_RESULTS;
}

/** How an export is named in the names of tasks and files. */
export function exportLabel(index: number): string {
  return index === INVOCATION_ROW_INDEX ? INVOCATION_ROW : String(index);
}

/** Returns `undefined` if the text is no label. */
export function parseExportLabel(label: string): number | undefined {
  if (label === INVOCATION_ROW) return INVOCATION_ROW_INDEX;
  return /^\d{1,9}$/.test(label) ? Number(label) : undefined;
}
