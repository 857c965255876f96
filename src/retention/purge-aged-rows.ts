/**
 * Deletes rows that are kept for some time after they were written, and belong to no invocation
 * that would take them with it: dead tasks and dead reminders.
 */
import type { EpochMs } from '@postlude/queue/foundations';
import type { AnyTable, Database, Key, Reader } from '@postlude/queue/storage';
import {
  type Columns,
  columnName,
  int,
  raw,
  type Sql,
  selectList,
  sql,
  timestamp,
} from '@postlude/queue/storage';
import { deadReminders, deadTasks } from '@postlude/queue/tables';

/** A table, the time by which the age of its rows counts, and the index of that time. */
export interface AgedTable {
  readonly table: AnyTable;
  readonly time: string;
  readonly index: string;
}

/** A feature that keeps rows for a time of their own adds its table here. */
export const DEAD_TABLES: readonly AgedTable[] = [
  { table: deadTasks, time: 'deadTime', index: 'dead_tasks_by_dead_time' },
  { table: deadReminders, time: 'deadTime', index: 'tq_dead_reminders_by_dead_time' },
];

/** Finds the keys of the oldest rows from before `until`. */
export async function findAged(
  reader: Reader,
  { index, table, time }: AgedTable,
  { limit, until }: { readonly limit: number; readonly until: EpochMs },
): Promise<Key<AnyTable>[]> {
  const order: Sql = raw([time, ...table.key].map(columnName).join(', '));
  const columns = keyColumns(table);
  return await reader.query(
    sql`SELECT ${selectList(columns)} FROM ${table}${reader.dialect.useIndex(index)}
        WHERE ${raw(columnName(time))} <= ${timestamp(until)} ORDER BY ${order} LIMIT ${limit}`,
    columns,
  );
}

/** Counts the rows from before `until`. */
export async function countAged(
  reader: Reader,
  { index, table, time }: AgedTable,
  until: EpochMs,
): Promise<number> {
  const [row] = await reader.query(
    sql`SELECT count(*) AS total FROM ${table}${reader.dialect.useIndex(index)}
        WHERE ${raw(columnName(time))} <= ${timestamp(until)}`,
    { total: int },
  );
  return row?.total ?? 0;
}

/** Deletes those of the rows that are still as old, and returns how many these were. */
export async function deleteAged(
  db: Pick<Database, 'write'>,
  { table, time }: AgedTable,
  { keys, until }: { readonly keys: readonly Key<AnyTable>[]; readonly until: EpochMs },
): Promise<number> {
  return await db.write(async (tx) => {
    const columns = { ...keyColumns(table), [time]: timestamp };
    const rows = await tx.lockKeys(table, keys, { columns, lock: 'update' });
    const aged = rows.filter((row) => Number(row[time]) <= until);
    await tx.delete(table, aged);
    return aged.length;
  });
}

function keyColumns({ columns, key }: AnyTable): Columns {
  return Object.fromEntries(key.map((property: string) => [property, columns[property]]));
}
