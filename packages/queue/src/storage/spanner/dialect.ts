/** GoogleSQL. It cannot compare rows of columns, so such comparisons are spelled out. */
import type { Param } from '../column.ts';
import type { Dialect } from '../dialect.ts';
import { join, raw, type Sql, sql } from '../sql.ts';

/**
 * The emulator does not see that a query needs none of the NULLs that an index leaves out. Spanner itself
 * does, and ignores this hint.
 */
const UNCHECKED_BY_EMULATOR = 'spanner_emulator.disable_query_null_filtered_index_check=true';

/** The number of shards in migrations/0001_tasks.sql. */
const SHARDS = 16;

export const spannerDialect: Dialect = {
  now: raw('CURRENT_TIMESTAMP()'),
  // Spanner's clocks agree within some milliseconds, and each commit waits that long, so of two
  // transactions that lock the same row, the second reads a greater time. Spanner's sequences do not grow.
  fences: { next: raw('UNIX_MICROS(CURRENT_TIMESTAMP())'), skip: undefined },
  isAnyOf: (column, values) => sql`${column} IN UNNEST(${values})`,
  isAfterKey: (columns, values) => isBeyondKey(raw('>'), columns, values),
  isBeforeKey: (columns, values) => isBeyondKey(raw('<'), columns, values),
  inByteOrder: (column) => column,
  byteLength: (value) => sql`BYTE_LENGTH(${value})`,
  useIndex: (index) => raw(`@{FORCE_INDEX=${index}, ${UNCHECKED_BY_EMULATOR}}`),
  indexShards: Array.from({ length: SHARDS }, (_, shard) => raw(`shard = ${shard}`)),
};

/** Returns `a >= x AND (a > x OR (a = x AND (b > y)))`. The first term alone lets an index be searched. */
function isBeyondKey(than: Sql, columns: readonly Sql[], values: readonly Param[]): Sql {
  const [column, ...columnsLeft] = columns;
  const [value, ...valuesLeft] = values;
  if (!column || !value) return raw('FALSE');
  if (columnsLeft.length === 0) return sql`${column} ${than} ${value}`;
  const isTied = join(
    [sql`${column} = ${value}`, isBeyondKey(than, columnsLeft, valuesLeft)],
    ' AND ',
  );
  return sql`${column} ${than}= ${value} AND (${column} ${than} ${value} OR (${isTied}))`;
}
