import type { Param } from '../column.ts';
import type { Dialect } from '../dialect.ts';
import { emptySql, join, raw, type Sql, sql } from '../sql.ts';

/** The sequence of migrations/0007_task_fences.sql. Inside a literal, its schema's name needs no quotes. */
const FENCES: Sql = { parts: [{ type: 'table', table: 'task_fences' }] };

export const postgresDialect: Dialect = {
  now: raw('statement_timestamp()'),
  fences: {
    next: sql`nextval('${FENCES}')`,
    skip: (fence) =>
      sql`SELECT setval('${FENCES}', greatest(${fence}, nextval('${FENCES}'))) AS fence`,
  },
  isAnyOf: (column, values) => sql`${column} = ANY(${values})`,
  isAfterKey: (columns, values) => sql`(${join(columns)}) > (${listOf(values)})`,
  isBeforeKey: (columns, values) => sql`(${join(columns)}) < (${listOf(values)})`,
  inByteOrder: (column) => sql`${column} COLLATE "C"`,
  byteLength: (value) => sql`octet_length(${value})`,
  useIndex: () => emptySql,
  indexShards: [],
};

function listOf(values: readonly Param[]): Sql {
  return join(values.map((value) => sql`${value}`));
}
