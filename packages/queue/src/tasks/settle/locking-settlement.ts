/**
 * Settles each batch by one statement, for databases that lock rows. Serializable transactions would
 * abort one another there: thousands of attempts that fail at once would hardly get settled.
 */
import { columnName, int, intArray, type Param, text, textArray } from '../../storage/column.ts';
import type { Database, LimitOptions } from '../../storage/database.ts';
import { join, raw, type Sql, selectList, sql } from '../../storage/sql.ts';
import type { DatabaseTime } from '../../storage/time.ts';
import { leaseUntil } from '../lease/due.ts';
import { deadTasks, tasks } from '../table.ts';
import type { LeaseId, SettleOutcome } from '../task.ts';
import { leaseKey } from '../task-rows.ts';
import {
  extensionLimit,
  type FailedAttempt,
  type FinalFailure,
  type TaskSettlement,
} from './task-settlement.ts';

/**
 * It does not say `lease_until IS NOT NULL`, of which planners have statistics: if nothing was leased when
 * the table was analysed, they expect one row at most, and compare each leased task with each lease.
 */
const IS_HELD = raw(
  `task.type = lease.type AND task.id = lease.id AND task.fence = lease.fence
    AND coalesce(task.lease_until, '-infinity') > '-infinity'`,
);
const OVERWRITTEN = raw(
  Object.keys(deadTasks.columns)
    .map(columnName)
    .map((name) => `${name} = excluded.${name}`)
    .join(', '),
);
const DEAD_ROW = raw(
  Object.keys(deadTasks.columns)
    .map(columnName)
    .map((name) => (name === 'attempt' ? 'attempt - unbegun' : name))
    .join(', '),
);
const SETTLED = raw('task.type, task.id, task.fence');

export class LockingSettlement implements TaskSettlement {
  readonly #db: Database;
  readonly #time: DatabaseTime;

  constructor(db: Database, time: DatabaseTime) {
    this.#db = db;
    this.#time = time;
  }

  complete(leases: readonly LeaseId[]): Promise<SettleOutcome[]> {
    return this.#run(
      leases,
      sql`DELETE FROM ${tasks} AS task USING ${given(leases)} WHERE ${IS_HELD} RETURNING ${SETTLED}`,
    );
  }

  retry(failures: readonly FailedAttempt[]): Promise<SettleOutcome[]> {
    const extra = {
      delay_ms: intArray(failures.map(({ delayMs }) => Math.round(delayMs))),
      last_error: textArray(failures.map(({ error }) => error)),
    };
    const processAfter = sql`${this.#time.now} + lease.delay_ms * interval '1 millisecond'`;
    return this.#update(
      failures,
      sql`process_after = ${processAfter}, last_error = lease.last_error, lease_until = NULL`,
      { extra },
    );
  }

  release(leases: readonly LeaseId[]): Promise<SettleOutcome[]> {
    return this.#update(leases, raw('attempt = task.attempt - 1, lease_until = NULL'));
  }

  begin(leases: readonly LeaseId[]): Promise<SettleOutcome[]> {
    return this.#update(leases, raw('begun = TRUE'));
  }

  extend(leases: readonly LeaseId[], leaseMs: number): Promise<SettleOutcome[]> {
    const extended = sql`lease_until = ${leaseUntil(this.#time, leaseMs)}`;
    return this.#update(leases, extended, extensionLimit(leaseMs));
  }

  markDead(failures: readonly FinalFailure[]): Promise<SettleOutcome[]> {
    const extra = {
      reason: textArray(failures.map(({ reason }) => reason)),
      unbegun: intArray(failures.map(({ isUnbegun }) => (isUnbegun ? 1 : 0))),
    };
    return this.#run(
      failures,
      sql`WITH gone AS (
          DELETE FROM ${tasks} AS task USING ${given(failures, extra)} WHERE ${IS_HELD}
          RETURNING task.*, ${this.#time.now} AS dead_time, lease.reason, lease.unbegun),
        kept AS (
          INSERT INTO ${deadTasks} (${selectList(deadTasks.columns)})
          SELECT ${DEAD_ROW} FROM gone
          ON CONFLICT (type, id) DO UPDATE SET ${OVERWRITTEN})
        SELECT type, id, fence FROM gone`,
    );
  }

  #update(
    leases: readonly LeaseId[],
    changes: Sql,
    {
      extra = {},
      ...options
    }: LimitOptions & { readonly extra?: Readonly<Record<string, Param>> } = {},
  ): Promise<SettleOutcome[]> {
    return this.#run(
      leases,
      sql`UPDATE ${tasks} AS task SET ${changes} FROM ${given(leases, extra)}
        WHERE ${IS_HELD} RETURNING ${SETTLED}`,
      options,
    );
  }

  async #run(
    leases: readonly LeaseId[],
    statement: Sql,
    options: LimitOptions = {},
  ): Promise<SettleOutcome[]> {
    if (leases.length === 0) return [];
    const columns = { type: text, id: text, fence: int };
    const settled = await this.#db.statement(statement, columns, options);
    if (settled.length === leases.length) return leases.map(() => 'done');
    const keys = new Set(settled.map(leaseKey));
    return leases.map((lease) => (keys.has(leaseKey(lease)) ? 'done' : 'lost'));
  }
}

/**
 * Returns the leases as a table. Their rows have to be found one by one through the primary key. A limit
 * that the planner cannot see makes it expect few leases; if it knew how many there are, it would join
 * by a hash of the whole table.
 */
function given(leases: readonly LeaseId[], extra: Readonly<Record<string, Param>> = {}): Sql {
  const arrays = {
    type: textArray(leases.map(({ type }) => type)),
    id: textArray(leases.map(({ id }) => id)),
    fence: intArray(leases.map(({ fence }) => fence)),
    ...extra,
  };
  const values = join(Object.values(arrays).map((array) => sql`${array}`));
  return sql`(SELECT * FROM unnest(${values}) AS given(${raw(Object.keys(arrays).join(', '))})
    LIMIT (SELECT ${leases.length})) AS lease`;
}
