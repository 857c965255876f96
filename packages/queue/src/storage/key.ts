/** Turns keys into text, so that rows can be found in a Map: equal keys of one table give equal texts. */
import type { Columns } from './column.ts';
import type { AnyTable } from './table.ts';

export type AnyRow = Readonly<Record<string, unknown>>;

/** Returns the row's primary key as text, which is neither for display nor for storage. */
export function keyText(table: AnyTable, row: AnyRow): string {
  return JSON.stringify(table.key.map((property) => comparable(row[property])));
}

function comparable(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(comparable);
  return value;
}

/** Returns the columns of the primary key, in its order. */
export function keyColumns(table: AnyTable): Columns {
  const entries = table.key.map((property: string) => [property, table.columns[property]]);
  return Object.fromEntries(entries);
}
