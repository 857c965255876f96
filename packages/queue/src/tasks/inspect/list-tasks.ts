/** Lists living tasks for operators: a page at a time, from an index. */
import type { EpochMs } from '../../foundations/clock.ts';
import type { RowOf } from '../../storage/column.ts';
import { int, nullable, text, timestamp } from '../../storage/column.ts';
import type { Reader } from '../../storage/database.ts';
import { join, raw, type Sql, selectList, sql } from '../../storage/sql.ts';
import { type DatabaseTime, readNow } from '../../storage/time.ts';
import { tasks } from '../table.ts';
import { type WithSubject, withSubject } from '../task-rows.ts';

/** `scheduled`: not due yet. */
export type TaskState = 'scheduled' | 'due' | 'leased';

const columns = {
  type: text,
  id: text,
  invocationId: nullable(text),
  createTime: timestamp,
  processAfter: timestamp,
  attempt: int,
  leaseUntil: nullable(timestamp),
  lastError: nullable(text),
} as const;

/** A task without its payload. */
export type TaskSummary = WithSubject<RowOf<typeof columns>> & { readonly state: TaskState };

export interface TaskPage {
  readonly type?: string | undefined;
  readonly state?: TaskState | undefined;
  readonly limit: number;
  /** The page begins after this task, in the order of type, due time and id. */
  readonly after?: Pick<TaskSummary, 'type' | 'processAfter' | 'id'> | undefined;
}

export async function listTasks(
  reader: Reader,
  page: TaskPage,
  time: DatabaseTime,
): Promise<TaskSummary[]> {
  const { type, state, limit, after } = page;
  const conditions = [sql`TRUE`];
  if (type !== undefined) conditions.push(sql`type = ${type}`);
  if (state !== undefined) conditions.push(isIn(state, time.now));
  if (after !== undefined) {
    const key = [raw('type'), raw('process_after'), raw('id')];
    const values = [text(after.type), timestamp(after.processAfter), text(after.id)];
    conditions.push(reader.dialect.isAfterKey(key, values));
  }
  const rows = await reader.query(
    sql`SELECT ${selectList(columns)}, ${time.now} AS now FROM ${tasks} WHERE ${join(conditions, ' AND ')}
        ORDER BY type, process_after, id LIMIT ${limit}`,
    { ...columns, now: timestamp },
  );
  return rows.map(({ now, ...row }) => ({ ...withSubject(row), state: stateOf(row, now) }));
}

/** Reads one living task. Returns `undefined` if it is done, dead, or was never enqueued. */
export async function findTask(
  reader: Reader,
  { type, id }: Pick<TaskSummary, 'type' | 'id'>,
  time: DatabaseTime,
): Promise<TaskSummary | undefined> {
  const [row] = await reader.readKeys(tasks, [{ type, id }], columns);
  return row && { ...withSubject(row), state: stateOf(row, await readNow(reader, time)) };
}

function isIn(state: TaskState, now: Sql): Sql {
  const isDue = sql`process_after <= ${now}`;
  if (state === 'scheduled') return sql`process_after > ${now}`;
  // A leased task was due, so the index of due times bounds the search.
  if (state === 'leased') return sql`${isDue} AND lease_until > ${now}`;
  return sql`${isDue} AND (lease_until IS NULL OR lease_until <= ${now})`;
}

function stateOf(row: RowOf<typeof columns>, now: EpochMs): TaskState {
  if (row.processAfter > now) return 'scheduled';
  return row.leaseUntil !== undefined && row.leaseUntil > now ? 'leased' : 'due';
}
