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
      attempt: int,
    });
    const keys = new Set(gone.map((row) => `${row.type}\n${row.id}\n${row.attempt}`));
    return leases.map((lease) => (keys.has(leaseKey(lease)) ? 'done' : 'lost'));
  };
}

export function transactionComplete(db: Database): Complete {
  return (leases) => settle(db, leases, (tx, rows) => tx.delete(tasks, rows));
}

/** Times are compared as whole microseconds, in which both sides are exact. */
function completeStatement(leases: readonly LeaseId[]): Sql {
  const types = textArray(leases.map(({ type }) => type));
  const ids = textArray(leases.map(({ id }) => id));
  const attempts = intArray(leases.map(({ attempt }) => attempt));
  const createdMicros = intArray(leases.map(({ createTime }) => Math.round(createTime * 1_000)));
  return sql`DELETE FROM ${tasks} AS t
    USING unnest(${types}, ${ids}, ${attempts}, ${createdMicros}) AS v(type, id, attempt, created_micros)
    WHERE t.type = v.type AND t.id = v.id AND t.attempt = v.attempt
      AND (extract(epoch FROM t.create_time) * 1000000)::bigint = v.created_micros
    RETURNING t.type, t.id, t.attempt`;
}
