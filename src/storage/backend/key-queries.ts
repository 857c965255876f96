/** Reads by key as queries, for databases that have nothing else. */
import { type Columns, columnName, textArray } from '../column.ts';
import type { KeyRange } from '../database.ts';
import type { Dialect } from '../dialect.ts';
import type { AnyRow } from '../key.ts';
import { emptySql, join, raw, type Sql, selectList, sql } from '../sql.ts';
import type { AnyTable, KeyOrder } from '../table.ts';

/** Of the rows whose key begins with these values, all its columns or some. */
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
  { first, after, limit }: KeyRange,
  columns: Columns,
): Sql {
  const table: AnyTable = 'table' in order ? order.table : order;
  const useIndex = 'table' in order ? dialect.useIndex(order.name) : emptySql;
  const properties: readonly string[] = order.key;
  const key = properties.map((property) => raw(columnName(property)));
  const values = after && properties.map((property) => table.columns[property](after[property]));
  const isBehind = values && dialect.isAfterKey(key, values);
  const conditions = [isOneOf(dialect, key[0] ?? emptySql, first), ...(isBehind ? [isBehind] : [])];
  return sql`SELECT ${selectList(columns)} FROM ${table}${useIndex}
    WHERE ${join(conditions, ' AND ')} ORDER BY ${join(key)}${limitTo(limit)}`;
}

/**
 * One value is a range, not an equality: with that, an index that begins with the other columns has
 * the right order as well, and planners that know of few rows of most values take it. An index may
 * leave NULL out, and not every planner sees that the conditions do, too.
 */
function isOneOf(dialect: Dialect, column: Sql, values: readonly string[]): Sql {
  const [only, ...others] = values;
  if (only !== undefined && others.length === 0) {
    return sql`${column} >= ${only} AND ${column} <= ${only}`;
  }
  return sql`${dialect.isAnyOf(column, textArray(values))} AND ${column} IS NOT NULL`;
}

/** Planners count on constants, and guess parameters. */
function limitTo(limit: number | undefined): Sql {
  return limit === undefined ? emptySql : raw(` LIMIT ${Math.trunc(limit)}`);
}
