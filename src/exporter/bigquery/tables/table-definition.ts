/** The table of test results as BigQuery's API describes it. */
import { type Column, TEST_RESULT_COLUMNS } from '../../rows/schema.ts';

/** A column as the API describes it. A table that we did not create may have types of any name. */
export interface Field {
  readonly name: string;
  readonly type: string;
  readonly mode?: string;
  readonly description?: string;
  readonly fields?: readonly Field[];
}

export interface TableDefinition {
  readonly schema: { readonly fields: readonly Field[] };
  readonly timePartitioning: { readonly type: 'DAY'; readonly field: string };
  readonly clustering: { readonly fields: readonly string[] };
}

/**
 * Rows are clustered by test, since most queries ask for the history of some tests. BigQuery clusters by
 * top-level columns only, so the realm, which is part of a record, cannot lead.
 */
export const TEST_RESULT_TABLE: TableDefinition = {
  schema: { fields: TEST_RESULT_COLUMNS.map(toField) },
  timePartitioning: { type: 'DAY', field: 'partition_time' },
  clustering: { fields: ['test_id', 'variant_hash'] },
};

function toField({ name, type, mode, description, fields }: Column): Field {
  const field = { name, type, mode, description };
  return type === 'RECORD' ? { ...field, fields: fields.map(toField) } : field;
}
