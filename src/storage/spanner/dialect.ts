/**
 * GoogleSQL. Rows of columns cannot be compared, so that is spelt out.
 */
import type { Param } from '../column.ts';
import type { Dialect } from '../dialect.ts';
import { join, raw, type Sql, sql } from '../sql.ts';

/**
 * The emulator cannot see that a query needs no NULL of an index that leaves NULL out; Spanner itself
 * can, and ignores this.
 */
const UNCHECKED_BY_EMULATOR = 'spanner_emulator.disable_query_null_filtered_index_check=true';

/** As in migrations/0001_tasks.sql. */
const SHARDS = 16;

export const spannerDialect: Dialect = {
  now: raw('CURRENT_TIMESTAMP()'),
  // Spanner's clocks agree to some milliseconds, and each commit waits these out: of two transactions
  // that lock one row, the second reads the greater time. Its sequences do not grow.
  fences: { next: raw('UNIX_MICROS(CURRENT_TIMESTAMP())'), skip: undefined },
  isAnyOf: (column, values) => sql`${column} IN UNNEST(${values})`,
  isAfterKey,
  inByteOrder: (column) => column,
  useIndex: (index) => raw(`@{FORCE_INDEX=${index}, ${UNCHECKED_BY_EMULATOR}}`),
  indexShards: Array.from({ length: SHARDS }, (_, shard) => raw(`shard = ${shard}`)),
};

/** `a >= x AND (a > x OR (a = x AND (b > y)))`: the first term alone is what an index can seek. */
function isAfterKey(columns: readonly Sql[], values: readonly Param[]): Sql {
  const [column, ...columnsLeft] = columns;
  const [value, ...valuesLeft] = values;
  if (!column || !value) return raw('FALSE');
  if (columnsLeft.length === 0) return sql`${column} > ${value}`;
  const isTied = join([sql`${column} = ${value}`, isAfterKey(columnsLeft, valuesLeft)], ' AND ');
  return sql`${column} >= ${value} AND (${column} > ${value} OR (${isTied}))`;
}
