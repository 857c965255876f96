/** Builds queries that read rows by their keys, for databases that cannot read rows in any other way. */
import { type Columns, columnName, textArray } from '../column.ts';
import type { KeyRange } from '../database.ts';
import type { Dialect } from '../dialect.ts';
import type { AnyRow } from '../key.ts';
import { emptySql, join, raw, type Sql, selectList, sql } from '../sql.ts';
import type { AnyTable, KeyOrder } from '../table.ts';

/** A condition for the rows that have the values of `row` in these columns. */
export function hasKey(table: AnyTable, properties: readonly string[], row: AnyRow): Sql {
  const terms = properties.map((property) => {
    const value = table.columns[property](row[property]);
    return sql`${raw(columnName(property))} = ${value}`;
  });
  return join(terms, ' AND ');
}

export function rangeQuery(
  dialect: Dialect,
  order: KeyOrder,
  { after, columns, first, limit }: KeyRange & { readonly columns: Columns },
): Sql {
  const table: AnyTable = 'table' in order ? order.table : order;
  const useIndex = 'table' in order ? dialect.useIndex(order.name) : emptySql;
  const properties: readonly string[] = order.key;
  const key = properties.map((property) => raw(columnName(property)));
  const values = after && properties.map((property) => table.columns[property](after[property]));
  const conditions = [isOneOf(dialect, key[0] ?? emptySql, first)];
  if (values) conditions.push(dialect.isAfterKey(key, values));
  return sql`SELECT ${selectList(columns)} FROM ${table}${useIndex}
    WHERE ${join(conditions, ' AND ')} ORDER BY ${join(key)}${limitTo(limit)}`;
}

/**
 * A single value becomes a range rather than an equality. With an equality, an index that begins with the
 * other columns has the right order as well, and a planner that expects few rows for most values chooses
 * it. `IS NOT NULL` is for indexes that leave NULL out: not every planner sees that the other condition
 * excludes NULL, too.
 */
function isOneOf(dialect: Dialect, column: Sql, values: readonly string[]): Sql {
  const [only, ...others] = values;
  if (only !== undefined && others.length === 0) {
    return sql`${column} >= ${only} AND ${column} <= ${only}`;
  }
  return sql`${dialect.isAnyOf(column, textArray(values))} AND ${column} IS NOT NULL`;
}

/** A constant, as planners have to guess the value of a parameter. */
function limitTo(limit: number | undefined): Sql {
  return limit === undefined ? emptySql : raw(` LIMIT ${Math.trunc(limit)}`);
}
