/**
 * ACTIVE invocations whose time is over, from an index that holds nothing else (src/storage/…/
 * migrations/0011_endings.sql). The search is a snapshot; whoever acts on it looks again under lock.
 */
import type { EpochMs } from '../clock.ts';
import type { EndCause } from '../invocations/ending.ts';
import { fromRowId, type InvocationId } from '../invocations/id.ts';
import type { Invocation } from '../invocations/invocation.ts';
import { invocations } from '../invocations/table.ts';
import { text, timestamp } from '../storage/column.ts';
import type { Reader } from '../storage/database.ts';
import { join, raw, type Sql, sql } from '../storage/sql.ts';

export interface OverdueListing {
  readonly now: EpochMs;
  readonly limit: number;
  /** One of `shardsOf`. */
  readonly shard: Sql | undefined;
}

/** The most overdue first. */
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

/** Why the time of an invocation is over. */
export function causeOf({ deadline, isExpected, lostAfterMs }: Invocation, now: EpochMs): EndCause {
  if (isExpected) return 'NEVER_APPEARED';
  return deadline <= now || lostAfterMs === undefined ? 'DEADLINE' : 'LOST';
}
