import type { Dialect } from '../dialect.ts';
import { emptySql, join, sql } from '../sql.ts';

export const postgresDialect: Dialect = {
  isAnyOf: (column, values) => sql`${column} = ANY(${values})`,
  isAfterKey: (columns, values) =>
    sql`(${join(columns)}) > (${join(values.map((value) => sql`${value}`))})`,
  inByteOrder: (column) => sql`${column} COLLATE "C"`,
  useIndex: () => emptySql,
  shards: [],
};
