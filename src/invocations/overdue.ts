/**
 * Finds ACTIVE invocations whose time is over, in an index that holds only ACTIVE ones
 * (0011_endings.sql among the migrations). The search is a snapshot: before the caller acts on it, it
 * must read the invocations again under lock.
 */
import type { EpochMs } from '@postlude/queue/foundations';
import type { Reader } from '@postlude/queue/storage';
import { join, raw, type Sql, sql, text, timestamp } from '@postlude/queue/storage';
import type { EndCause } from './ending.ts';
import { fromRowId, type InvocationId } from './id.ts';
import type { Invocation } from './invocation.ts';
import { invocations } from './table.ts';

export interface OverdueListing {
  readonly now: EpochMs;
  readonly limit: number;
  /** One of the conditions that `shardsOf` returns. */
  readonly shard: Sql | undefined;
}

/** Returns the most overdue first. */
export async function findOverdue(
  reader: Reader,
  { now, limit, shard }: OverdueListing,
): Promise<InvocationId[]> {
  const conditions = [
    raw('active_deadline IS NOT NULL'),
    sql`active_deadline <= ${timestamp(now)}`,
  ];
  const rows = await reader.query(
    sql`SELECT invocation_id FROM ${invocations}${reader.dialect.useIndex('invocations_by_active_deadline')}
        WHERE ${join(shard ? [shard, ...conditions] : conditions, ' AND ')}
        ORDER BY active_deadline, invocation_id LIMIT ${limit}`,
    { invocationId: text },
  );
  return rows.map((row) => fromRowId(row.invocationId));
}

/** Returns why the time of an invocation is over. */
export function causeOf({ deadline, isExpected, lostAfterMs }: Invocation, now: EpochMs): EndCause {
  if (isExpected) return 'NEVER_APPEARED';
  return deadline <= now || lostAfterMs === undefined ? 'DEADLINE' : 'LOST';
}
