import type { Dialect } from '../dialect.ts';
import { emptySql, join, raw, type Sql, sql } from '../sql.ts';

/** Of migrations/0007_task_fences.sql. It goes into a literal: names of schemas need no quotes there. */
const FENCES: Sql = { parts: [{ type: 'table', table: 'task_fences' }] };

export const postgresDialect: Dialect = {
  now: raw('statement_timestamp()'),
  fences: {
    next: sql`nextval('${FENCES}')`,
    skip: (fence) =>
      sql`SELECT setval('${FENCES}', greatest(${fence}, nextval('${FENCES}'))) AS fence`,
  },
  isAnyOf: (column, values) => sql`${column} = ANY(${values})`,
  isAfterKey: (columns, values) =>
    sql`(${join(columns)}) > (${join(values.map((value) => sql`${value}`))})`,
  inByteOrder: (column) => sql`${column} COLLATE "C"`,
  useIndex: () => emptySql,
  indexShards: [],
};
