/** Keys as text, so that rows can be found in a Map: equal keys of one table give equal text. */
import type { Columns } from './column.ts';
import type { AnyTable } from './table.ts';

export type AnyRow = Readonly<Record<string, unknown>>;

/** The row's primary key as text; not for display, nor for storage. */
export function keyText(table: AnyTable, row: AnyRow): string {
  return JSON.stringify(table.key.map((property) => comparable(row[property])));
}

function comparable(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(comparable);
  return value;
}

/** The columns of the primary key, in its order. */
export function keyColumns(table: AnyTable): Columns {
  const entries = table.key.map((property: string) => [property, table.columns[property]]);
  return Object.fromEntries(entries);
}
