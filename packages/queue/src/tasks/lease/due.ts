/**
 * Reads the index of due times, oldest first. If the index has shards, the query reads as many rows of each
 * as are wanted in all, and takes the oldest of them: one bounded query.
 */
import { float } from '../../storage/column.ts';
import type { Dialect } from '../../storage/dialect.ts';
import { join, type Sql, sql } from '../../storage/sql.ts';
import type { DatabaseTime } from '../../storage/time.ts';
import { tasks } from '../table.ts';

export interface DueRequest {
  readonly type: string;
  readonly now: Sql;
  readonly limit: number;
  /** Further conditions on the rows. */
  readonly conditions?: readonly Sql[];
  /** Reads only this shard, by its number in `dialect.indexShards`. */
  readonly shard?: number | undefined;
}

/** Selects `process_after, id` of due tasks, leased ones included. */
export function selectDue(dialect: Dialect, request: DueRequest): Sql {
  const { shard, limit } = request;
  const shards =
    shard === undefined ? dialect.indexShards : dialect.indexShards.slice(shard, shard + 1);
  const parts = shards.map((isInShard) => selectPart(dialect, request, [isInShard]));
  const [only = selectPart(dialect, request, []), ...others] = parts;
  if (others.length === 0) return only;
  const all = join(
    parts.map((part) => sql`(${part})`),
    ' UNION ALL ',
  );
  return sql`SELECT process_after, id FROM (${all}) AS oldest
    ORDER BY process_after, id LIMIT ${limit}`;
}

/** The condition that nobody holds a lease. */
export function isFree(now: Sql): Sql {
  return sql`(lease_until IS NULL OR lease_until <= ${now})`;
}

/** The end of a lease that is taken or extended now, for databases with intervals. */
export function leaseUntil({ now }: DatabaseTime, leaseMs: number): Sql {
  return sql`${now} + ${float(leaseMs)} * interval '1 millisecond'`;
}

function selectPart(
  { useIndex }: Dialect,
  { type, now, limit, conditions = [] }: DueRequest,
  isInShard: readonly Sql[],
): Sql {
  const isDue = [...isInShard, sql`type = ${type}`, sql`process_after <= ${now}`, ...conditions];
  return sql`SELECT process_after, id FROM ${tasks}${useIndex('tasks_due')}
    WHERE ${join(isDue, ' AND ')} ORDER BY process_after, id LIMIT ${limit}`;
}
