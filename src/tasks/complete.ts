/**
 * Completes tasks in batches: the hot path, once for each way in which a database can do it.
 *
 * The statement may have landed although its connection was lost. Then its answer is not known;
 * asked again it answers `lost`, which is true of the lease and harmless: the task is gone.
 */
import { int, intArray, text, textArray } from '../storage/column.ts';
import type { Database } from '../storage/database.ts';
import { type Sql, sql } from '../storage/sql.ts';
import { leaseKey, settle } from './settle.ts';
import { tasks } from './table.ts';
import type { LeaseId, SettleOutcome } from './task.ts';

export type Complete = (leases: readonly LeaseId[]) => Promise<SettleOutcome[]>;

export function completeFor(db: Database): Complete {
  return db.capabilities.claim === 'skip-locked' ? statementComplete(db) : transactionComplete(db);
}

function statementComplete(db: Database): Complete {
  return async (leases) => {
    if (leases.length === 0) return [];
    const gone = await db.statement(completeStatement(leases), {
      type: text,
      id: text,
      fence: int,
    });
    if (gone.length === leases.length) return leases.map(() => 'done');
    const keys = new Set(gone.map(leaseKey));
    return leases.map((lease) => (keys.has(leaseKey(lease)) ? 'done' : 'lost'));
  };
}

export function transactionComplete(db: Database): Complete {
  return (leases) => settle(db, leases, (tx, rows) => tx.delete(tasks, rows));
}

/**
 * Rows are to be found one by one through the primary key. A limit that the planner cannot see makes
 * it expect few leases; knowing how many there are, it would join by a hash of the whole table.
 */
function completeStatement(leases: readonly LeaseId[]): Sql {
  const types = textArray(leases.map(({ type }) => type));
  const ids = textArray(leases.map(({ id }) => id));
  const fences = intArray(leases.map(({ fence }) => fence));
  return sql`DELETE FROM ${tasks} AS task
    USING (SELECT * FROM unnest(${types}, ${ids}, ${fences}) AS given(type, id, fence)
      LIMIT (SELECT ${leases.length})) AS lease
    WHERE task.type = lease.type AND task.id = lease.id AND task.fence = lease.fence
    RETURNING task.type, task.id, task.fence`;
}
