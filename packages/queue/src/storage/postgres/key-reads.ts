/** Reads rows by their keys with one of few statement texts, whatever the number of rows. */
import { hasKey } from '../backend/key-queries.ts';
import { type ColumnKind, type Columns, columnName } from '../column.ts';
import type { RowLock } from '../database.ts';
import { type AnyRow, keyText } from '../key.ts';
import { emptySql, join, raw, type Sql, selectList, sql } from '../sql.ts';
import type { AnyTable } from '../table.ts';
import { encodeColumn, sqlTypeOf } from './types.ts';

const LOCKS: Readonly<Record<RowLock, Sql>> = {
  share: raw(' FOR SHARE OF t'),
  update: raw(' FOR UPDATE OF t'),
};

/** `keys` must not be empty. */
export function keysQuery(
  table: AnyTable,
  keys: readonly AnyRow[],
  { columns, lock }: { readonly columns: Columns; readonly lock?: RowLock },
): Sql {
  const select = sql`SELECT ${selectList(columns, 't')} FROM`;
  return sql`${select} ${rowsOf(table, keys)}${lock ? LOCKS[lock] : emptySql}`;
}

/**
 * Keys that differ only in their last column become one array of values, for which every planner
 * chooses the index. Other keys are joined as rows.
 */
function rowsOf(table: AnyTable, keys: readonly AnyRow[]): Sql {
  const [first = {}, ...others] = keys;
  if (others.length === 0) return sql`${table} AS t WHERE ${hasKey(table, table.key, first)}`;
  const leading: readonly string[] = table.key.slice(0, -1);
  const last: string = table.key.at(-1);
  const leadingText = (key: AnyRow): string => keyText({ ...table, key: leading }, key);
  const shared = leadingText(first);
  if (others.every((key) => leadingText(key) === shared)) {
    const leadingMatches =
      leading.length > 0 ? sql`${hasKey(table, leading, first)} AND ` : emptySql;
    const values = arrayOf(table, last, keys);
    return sql`${table} AS t WHERE ${leadingMatches}${raw(columnName(last))} = ANY(${values})`;
  }
  return joined(table, [...new Map(keys.map((key) => [keyText(table, key), key])).values()]);
}

function joined(table: AnyTable, keys: readonly AnyRow[]): Sql {
  const arrays = table.key.map((property: string) => arrayOf(table, property, keys));
  const names: string[] = table.key.map(columnName);
  const on = names.map((name) => `t.${name} = v.${name}`).join(' AND ');
  return sql`unnest(${join(arrays)}) AS v(${raw(names.join(', '))}) JOIN ${table} AS t ON ${raw(on)}`;
}

/** An array of any element type is sent as text and cast. */
function arrayOf(table: AnyTable, property: string, keys: readonly AnyRow[]): Sql {
  const kind: ColumnKind = table.columns[property].kind;
  const values = keys.map((key) => key[property]);
  return sql`${encodeColumn(kind, values)}::${raw(sqlTypeOf(kind))}[]`;
}
