/**
 * The statement by which the rows of an export replace those of its earlier generations, in one step: queries
 * see all rows of the one or all of the other. Nothing is joined, as the condition is the constant FALSE.
 */
import type { RowKind } from '../../rows/row-kind.ts';
import type { ExportTable } from '../../sink.ts';
import { formatMicros } from '../rows/json-row.ts';
import { tableName } from '../tables/table-name.ts';

export interface Replacement {
  readonly table: ExportTable;
  /** A table with the same columns, which has all rows of the new generation. */
  readonly staging: ExportTable;
  /** Whether a row may be in it more than once. */
  readonly hasDuplicates: boolean;
  readonly kind: RowKind;
  readonly invocationId: string;
  /** The `partition_time` of all rows of the invocation, in microseconds. */
  readonly partitionTime: number;
}

interface RowNames {
  /** The column that says which invocation has been exported. */
  readonly exported: string;
  /** The columns that identify a row among those of an export. */
  readonly key: readonly string[];
}

const ROW_NAMES: Readonly<Record<RowKind['name'], RowNames>> = {
  'test-results': { exported: 'exported.id', key: ['parent.id', 'test_id', 'result_id'] },
  invocations: { exported: 'id', key: ['id'] },
};

export function replaceStatement(replacement: Replacement): string {
  const { invocationId, kind, partitionTime, table } = replacement;
  const { exported } = ROW_NAMES[kind.name];
  const columns = kind.columns.map(({ name }) => `\`${name}\``).join(', ');
  // Literals and not parameters, so that only one partition is read.
  return `MERGE ${quoted(table)} AS present
USING ${source(replacement)} AS staged
ON FALSE
WHEN NOT MATCHED BY SOURCE
  AND present.partition_time = TIMESTAMP ${literal(formatMicros(partitionTime))}
  AND present.${exported} = ${literal(invocationId)}
  THEN DELETE
WHEN NOT MATCHED BY TARGET
  THEN INSERT (${columns}) VALUES (${columns})`;
}

function source({ hasDuplicates, kind, staging }: Replacement): string {
  if (!hasDuplicates) return quoted(staging);
  const key = ROW_NAMES[kind.name].key.join(', ');
  return `(
  SELECT * FROM ${quoted(staging)}
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY ${key}) = 1
)`;
}

function quoted(table: ExportTable): string {
  return `\`${tableName(table)}\``;
}

/** The escapes of JSON are escapes of GoogleSQL, too. */
function literal(text: string): string {
  return JSON.stringify(text);
}
