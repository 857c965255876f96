/** What `MERGE … ON FALSE` does: it deletes the rows that match, and inserts those of another table, in one step. */

import type { Clock } from '@postlude/queue/foundations';
import { ApiError } from '../errors.ts';
import type { Limits } from '../limits.ts';
import type { LandedRow, Table, TableName } from '../table.ts';
import type { Row, Value } from '../values.ts';

/** What jobs need of the warehouse that they run in. */
export interface JobSurroundings {
  readonly clock: Clock;
  readonly limits: Limits;
  get(name: TableName): Table;
}

export interface Merge {
  readonly target: Table;
  readonly source: Table;
  readonly key: readonly string[] | undefined;
  readonly equal: readonly (readonly [column: string, value: string])[];
  readonly columns: readonly string[];
}

/** Values of records are assigned by position, so both tables need the same columns in the same order. */
export function checkColumns({ columns, source, target }: Merge): void {
  for (const name of columns) {
    const [from, to] = [source, target].map(({ fields }) =>
      fields.find((one) => one.name === name),
    );
    if (from && to && shapeOf(from) === shapeOf(to)) continue;
    throw invalid(`Query column ${name} has a type which cannot be inserted into column ${name}`);
  }
}

function shapeOf(field: Table['fields'][number]): string {
  const { fields = [], mode, name, type } = field;
  return JSON.stringify([name, type, mode === 'REPEATED', fields.map(shapeOf)]);
}

export function merge(
  { columns, equal, key, source, target }: Merge,
  { clock, limits }: JobSurroundings,
): void {
  const isDeleted = ({ row }: LandedRow): boolean =>
    equal.every(([column, value]) => String(valueAt(row, column)) === value);
  const until = clock.now() - limits.streamingBufferMs;
  for (const landed of target.rows.filter(isDeleted)) {
    if (landed.streamedAt === undefined || landed.streamedAt <= until) continue;
    const message = `UPDATE or DELETE statement over table ${target.id} would affect rows in the streaming buffer, which is not supported`;
    throw invalid(message);
  }
  const rows = source.rows.map(({ row }) => row);
  const distinct = key ? [...new Map(rows.map((row) => [keyOf(row, key), row])).values()] : rows;
  const inserted = distinct.map((row) => ({
    row: Object.fromEntries(Object.entries(row).filter(([name]) => columns.includes(name))),
  }));
  target.replaceRows([...target.rows.filter((row) => !isDeleted(row)), ...inserted]);
}

function keyOf(row: Row, key: readonly string[]): string {
  return JSON.stringify(key.map((column) => valueAt(row, column)));
}

function valueAt(row: Row, path: string): Value | undefined {
  return path.split('.').reduce<Value | undefined>((value, name) => (value as Row)?.[name], row);
}

export function invalid(message: string): ApiError {
  return new ApiError(400, 'invalidQuery', message);
}
