/** Changes tasks under their leases: what every operation after the lease has in common. */
import type { Database, Transaction } from '../storage/database.ts';
import type { LeaseId, SettleOutcome } from './task.ts';
import { holds, readTasks, type TaskRow, taskKey } from './task-rows.ts';

/**
 * Runs `change` on the rows whose leases still hold, in one transaction. Answers an outcome for
 * each lease, in order.
 */
export async function settle(
  db: Database,
  leases: readonly LeaseId[],
  change: (tx: Transaction, rows: readonly TaskRow[]) => Promise<void>,
): Promise<SettleOutcome[]> {
  if (leases.length === 0) return [];
  return await db.write(async (tx) => {
    const byKey = new Map((await readTasks(tx, leases)).map((row) => [taskKey(row), row]));
    const held = leases.filter((lease) => {
      const row = byKey.get(taskKey(lease));
      return row !== undefined && holds(lease, row);
    });
    const rows = held.flatMap((lease) => byKey.get(taskKey(lease)) ?? []);
    if (rows.length > 0) await change(tx, rows);
    const heldKeys = new Set(held.map(leaseKey));
    return leases.map((lease) => (heldKeys.has(leaseKey(lease)) ? 'done' : 'lost'));
  });
}

export function leaseKey(lease: LeaseId): string {
  return `${taskKey(lease)}\n${lease.fence}`;
}
