/**
 * Each lease has a fence of its own, drawn from the database when it is taken (`dialect.fences`): no
 * two leases share one, and none has a smaller one than a lease of the same name before it.
 */
import { int } from '../../storage/column.ts';
import type { Database } from '../../storage/database.ts';
import { sql } from '../../storage/sql.ts';
import { deadTasks, tasks } from '../table.ts';

/** Of a task that has not been leased in this life of its: nobody holds it. */
export const UNLEASED = 0;

/** Makes later fences greater than those of all stored tasks: for those that came from elsewhere. */
export async function skipStoredFences(db: Database): Promise<void> {
  const { skip } = db.dialect.fences;
  if (skip === undefined) return;
  const highest = sql`(SELECT max(fence) FROM (
    SELECT fence FROM ${tasks} UNION ALL SELECT fence FROM ${deadTasks}) AS stored)`;
  await db.statement(skip(highest), { fence: int });
}
