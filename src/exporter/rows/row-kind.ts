/** The kinds of rows that are exported, each kind into tables of its own. */
import type { InvocationRow } from './invocation-row.ts';
import { type Column, INVOCATION_COLUMNS, TEST_RESULT_COLUMNS } from './schema.ts';
import type { TestResultRow } from './test-result-row.ts';

export interface RowKind {
  readonly name: 'test-results' | 'invocations';
  readonly columns: readonly Column[];
  /** The top-level columns that rows are to lie together by, the most important one first. */
  readonly clustering: readonly string[];
}

/**
 * Most queries ask for the history of some tests. BigQuery clusters by top-level columns only, so the realm,
 * which is part of a record, cannot lead.
 */
export const TEST_RESULTS: RowKind = {
  name: 'test-results',
  columns: TEST_RESULT_COLUMNS,
  clustering: ['test_id', 'variant_hash'],
};

/** One row for each invocation. */
export const INVOCATIONS: RowKind = {
  name: 'invocations',
  columns: INVOCATION_COLUMNS,
  clustering: ['project', 'id'],
};

/** A row of any kind. */
export type ExportRow = TestResultRow | InvocationRow;

/** Identifies a row among those of one export. */
export interface RowKey {
  readonly parentId: string;
  /** It is empty in the row of an invocation, as is `resultId`. */
  readonly testId: string;
  readonly resultId: string;
}

export function keyOf(row: ExportRow): RowKey {
  if (!('test_id' in row)) return { parentId: row.id, testId: '', resultId: '' };
  return { parentId: row.parent.id, testId: row.test_id, resultId: row.result_id };
}
