/** Rows of the tasks table: how they are read by name, and how they become leases. */
import type { EpochMs } from '../foundations/clock.ts';
import type { Transaction } from '../storage/database.ts';
import type { Row } from '../storage/table.ts';
import { historyAtLease } from './lease/lapsed-lease.ts';
import { tasks } from './table.ts';
import type { Lease, LeaseId } from './task.ts';

export type TaskRow = Row<typeof tasks>;

type TaskName = Pick<LeaseId, 'type' | 'id'>;

/** Reads tasks by name and, if the database locks rows, locks them. Missing tasks are left out. */
export async function readTasks(tx: Transaction, names: readonly TaskName[]): Promise<TaskRow[]> {
  return await tx.lockKeys(tasks, names, { columns: tasks.columns, lock: 'update' });
}

export function isClaimable(row: TaskRow, now: EpochMs): boolean {
  return row.processAfter <= now && (row.leaseUntil === undefined || row.leaseUntil <= now);
}

/** Returns the row as the next lease leaves it. */
export function withNextLease(
  row: TaskRow,
  { fence, ...lease }: Pick<Lease, 'leaseUntil' | 'fence'> & { readonly begun: boolean },
): TaskRow {
  const next = Math.max(row.fence + 1, fence); // greater even if the server's time went back
  return { ...row, ...historyAtLease(row), ...lease, fence: next };
}

/** Tells whether the lease belongs to the newest attempt, and that attempt has not been settled. */
export function holds(lease: LeaseId, row: TaskRow): boolean {
  return row.fence === lease.fence && row.leaseUntil !== undefined;
}

export function toLease(row: TaskRow): Lease {
  const { leaseUntil, ...lease } = withSubject(row);
  if (leaseUntil === undefined) throw new Error(`task ${row.type} ${row.id} is not leased`);
  return { ...lease, leaseUntil };
}

export type WithSubject<R> = Omit<R, 'invocationId'> & { readonly subject: string | undefined };

/** Gives the column `invocation_id` the name that users of the queue know it by. */
export function withSubject<R extends { readonly invocationId: string | undefined }>({
  invocationId,
  ...row
}: R): WithSubject<R> {
  return { ...row, subject: invocationId };
}

export function taskKey({ type, id }: TaskName): string {
  return `${type}\n${id}`;
}

export function leaseKey(lease: LeaseId): string {
  return `${taskKey(lease)}\n${lease.fence}`;
}
