/** Reads whole tables page by page, each page in a transaction of its own. */
import { type Columns, columnName, type Param } from './column.ts';
import type { Database } from './database.ts';
import type { Dialect } from './dialect.ts';
import type { AnyRow } from './key.ts';
import { emptySql, join, raw, type Sql, selectList, sql } from './sql.ts';
import type { AnyTable } from './table.ts';

export interface PageOptions {
  readonly pageRows: number;
  /** The row before the first one to read; without it, the first page begins with the table. */
  readonly after?: AnyRow | undefined;
}

/** Yields the rows in the order of their keys, which is the same on every database. */
export async function* readTablePages(
  db: Database,
  table: AnyTable,
  { after, pageRows }: PageOptions,
): AsyncGenerator<AnyRow[]> {
  let last = after;
  for (;;) {
    const page = await db.read((tx) => {
      const key = keyNames(table, tx.dialect);
      const where = last ? sql`WHERE ${tx.dialect.isAfterKey(key, keyOf(table, last))}` : emptySql;
      return tx.query<Columns>(
        sql`SELECT ${selectList(table.columns)} FROM ${table} ${where}
            ORDER BY ${join(key)} LIMIT ${pageRows}`,
        table.columns,
      );
    });
    if (page.length > 0) yield page;
    if (page.length < pageRows) return;
    last = page.at(-1);
  }
}

function keyNames(table: AnyTable, dialect: Dialect): Sql[] {
  return table.key.map((property: string) => {
    const name = raw(columnName(property));
    return table.columns[property].kind === 'text' ? dialect.inByteOrder(name) : name;
  });
}

function keyOf(table: AnyTable, row: AnyRow): Param[] {
  return table.key.map((property: string) => table.columns[property](row[property]));
}
