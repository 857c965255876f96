/** Dead tasks: they are kept with the reason of their last failure, and can be redriven. */
import type { EpochMs } from '../foundations/clock.ts';
import { type FromNow, text } from '../storage/column.ts';
import type { Database, Reader, Transaction } from '../storage/database.ts';
import { emptySql, join, raw, selectList, sql } from '../storage/sql.ts';
import type { NewRow, Row } from '../storage/table.ts';
import type { DatabaseTime } from '../storage/time.ts';
import { UNLEASED } from './lease/fences.ts';
import { deadTasks, tasks } from './table.ts';
import { type TaskRow, taskKey, type WithSubject, withSubject } from './task-rows.ts';

type DeadRow = Row<typeof deadTasks>;

export type DeadTask = WithSubject<DeadRow>;

/** A dead task without its payload. */
export type DeadTaskSummary = Omit<DeadTask, 'payload'>;

type TaskName = Pick<DeadTask, 'type' | 'id'>;

/** Selects one dead task, all of a type, or all. */
export type DeadTaskSelection = { readonly type?: string; readonly id?: string };

export interface DeadTaskPage {
  readonly type?: string | undefined;
  readonly limit: number;
  /** The page begins after this task, in the order of type and id. */
  readonly after?: TaskName | undefined;
}

const REDRIVE_BATCH = 500;

/** Returns the row that is kept of a dead task. */
export function toDeadTask(
  row: TaskRow,
  failure: { readonly reason: string; readonly deadTime: EpochMs | FromNow },
): NewRow<typeof deadTasks> {
  const { type, id, invocationId, payload, createTime, attempt, fence } = row;
  return { type, id, invocationId, payload, createTime, attempt, fence, ...failure };
}

/** Reads a page of dead tasks in the order of type and id. */
export async function listDeadTasks(
  reader: Reader,
  page: DeadTaskPage,
): Promise<DeadTaskSummary[]> {
  const { payload: _, ...columns } = deadTasks.columns;
  const { type, limit, after } = page;
  const conditions = [
    ...(type === undefined ? [] : [sql`type = ${type}`]),
    ...(after === undefined
      ? []
      : [reader.dialect.isAfterKey([raw('type'), raw('id')], [text(after.type), text(after.id)])]),
  ];
  const where = conditions.length === 0 ? emptySql : sql`WHERE ${join(conditions, ' AND ')}`;
  const rows = await reader.query(
    sql`SELECT ${selectList(columns)} FROM ${deadTasks} ${where}
        ORDER BY type, id LIMIT ${limit}`,
    columns,
  );
  return rows.map(withSubject);
}

/** Reads one dead task; returns `undefined` if there is none of that name. */
export async function findDeadTask(
  reader: Reader,
  { type, id }: TaskName,
): Promise<DeadTask | undefined> {
  const [row] = await reader.readKeys(deadTasks, [{ type, id }], deadTasks.columns);
  return row && withSubject(row);
}

/**
 * Makes dead tasks due again, with fresh attempts, in bounded transactions. A task stays dead if its type
 * and id have been enqueued again. Returns the type of each redriven task.
 */
export async function redrive(
  db: Database,
  selection: DeadTaskSelection,
  time: DatabaseTime,
): Promise<string[]> {
  const redriven: string[] = [];
  let after: TaskName | undefined;
  for (;;) {
    const names = await db.read((tx) => selectedNames(tx, selection, after));
    if (names.length === 0) return redriven;
    const batch = await db.write((tx) => redriveBatch(tx, names, time));
    redriven.push(...batch.map(({ type }) => type));
    after = names.at(-1);
  }
}

async function selectedNames(
  reader: Reader,
  { type, id }: DeadTaskSelection,
  after: TaskName | undefined,
): Promise<TaskName[]> {
  if (type === undefined || id === undefined) {
    return await listDeadTasks(reader, { type, limit: REDRIVE_BATCH, after });
  }
  return after === undefined ? [{ type, id }] : [];
}

async function redriveBatch(
  tx: Transaction,
  names: readonly TaskName[],
  time: DatabaseTime,
): Promise<TaskName[]> {
  const dead = await tx.lockKeys(deadTasks, names, {
    columns: deadTasks.columns,
    lock: 'update',
  });
  const redriven = await tx.insertNew(
    tasks,
    dead.map((row) => dueAgain(row, time)),
  );
  const keys = new Set(redriven.map(taskKey));
  await tx.delete(
    deadTasks,
    dead.filter((row) => keys.has(taskKey(row))),
  );
  return redriven;
}

function dueAgain(row: DeadRow, time: DatabaseTime): NewRow<typeof tasks> {
  const { type, id, invocationId, payload, createTime, reason } = row;
  return {
    type,
    id,
    invocationId,
    payload,
    createTime,
    processAfter: time.after(0),
    attempt: 0,
    fence: UNLEASED,
    lastError: reason,
  };
}
