/** Settles each batch by a serializable transaction: it reads the rows, checks the leases, and writes. */
import type { Database, LimitOptions, Transaction } from '../../storage/database.ts';
import type { DatabaseTime } from '../../storage/time.ts';
import { toDeadTask } from '../dead-tasks.ts';
import { deadTasks, tasks } from '../table.ts';
import type { LeaseId, SettleOutcome } from '../task.ts';
import { holds, leaseKey, readTasks, type TaskRow, taskKey } from '../task-rows.ts';
import {
  extensionLimit,
  type FailedAttempt,
  type FinalFailure,
  type TaskSettlement,
} from './task-settlement.ts';

interface Held<L extends LeaseId> {
  readonly lease: L;
  readonly row: TaskRow;
}

export class SerializableSettlement implements TaskSettlement {
  readonly #db: Database;
  readonly #time: DatabaseTime;

  constructor(db: Database, time: DatabaseTime) {
    this.#db = db;
    this.#time = time;
  }

  complete(leases: readonly LeaseId[]): Promise<SettleOutcome[]> {
    return this.#settle(leases, (tx, held) => tx.delete(tasks, held.map(rowOf)));
  }

  retry(failures: readonly FailedAttempt[]): Promise<SettleOutcome[]> {
    return this.#settle(failures, (tx, held) =>
      tx.update(
        tasks,
        held.map(({ lease: { type, id, delayMs, error } }) => ({
          type,
          id,
          lastError: error,
          processAfter: this.#time.after(delayMs),
          leaseUntil: undefined,
        })),
      ),
    );
  }

  release(leases: readonly LeaseId[]): Promise<SettleOutcome[]> {
    return this.#settle(leases, (tx, held) =>
      tx.update(
        tasks,
        held.map(({ row: { type, id, attempt } }) => ({
          type,
          id,
          attempt: attempt - 1,
          leaseUntil: undefined,
        })),
      ),
    );
  }

  begin(leases: readonly LeaseId[]): Promise<SettleOutcome[]> {
    return this.#settle(leases, (tx, held) =>
      tx.update(
        tasks,
        held.map(({ row: { type, id } }) => ({ type, id, begun: true })),
      ),
    );
  }

  extend(leases: readonly LeaseId[], leaseMs: number): Promise<SettleOutcome[]> {
    const leaseUntil = this.#time.after(leaseMs);
    const extendHeld = (tx: Transaction, held: readonly Held<LeaseId>[]) =>
      tx.update(
        tasks,
        held.map(({ row: { type, id } }) => ({ type, id, leaseUntil })),
      );
    return this.#settle(leases, extendHeld, extensionLimit(leaseMs));
  }

  markDead(failures: readonly FinalFailure[]): Promise<SettleOutcome[]> {
    const deadTime = this.#time.after(0);
    return this.#settle(failures, async (tx, held) => {
      await tx.delete(tasks, held.map(rowOf));
      await tx.upsert(
        deadTasks,
        held.map(({ lease: { reason, isUnbegun }, row }) => {
          const attempt = row.attempt - (isUnbegun ? 1 : 0);
          return toDeadTask({ ...row, attempt }, { reason, deadTime });
        }),
      );
    });
  }

  /** Calls `change` with the leases that still hold, and their rows. */
  async #settle<L extends LeaseId>(
    leases: readonly L[],
    change: (tx: Transaction, held: readonly Held<L>[]) => Promise<void>,
    options: LimitOptions = {},
  ): Promise<SettleOutcome[]> {
    if (leases.length === 0) return [];
    return await this.#db.write(async (tx) => {
      const rows = new Map((await readTasks(tx, leases)).map((row) => [taskKey(row), row]));
      const held = leases.flatMap((lease) => {
        const row = rows.get(taskKey(lease));
        return row !== undefined && holds(lease, row) ? [{ lease, row }] : [];
      });
      if (held.length > 0) await change(tx, held);
      const keys = new Set(held.map(({ lease }) => leaseKey(lease)));
      return leases.map((lease) => (keys.has(leaseKey(lease)) ? 'done' : 'lost'));
    }, options);
  }
}

function rowOf({ row }: Held<LeaseId>): TaskRow {
  return row;
}
