/**
 * Each lease has a fence of its own, which the database draws when the lease is taken (`dialect.fences`).
 * No two leases share a fence, and each is greater than those of earlier leases of the same name.
 */
import { int } from '../../storage/column.ts';
import type { Database } from '../../storage/database.ts';
import { sql } from '../../storage/sql.ts';
import { deadTasks, tasks } from '../table.ts';

/** The fence of a task that has not been leased since it was enqueued or redriven. */
export const UNLEASED = 0;

/** Makes later fences greater than those of all stored tasks, after tasks were copied from elsewhere. */
export async function skipStoredFences(db: Database): Promise<void> {
  const { skip } = db.dialect.fences;
  if (skip === undefined) return;
  const highest = sql`(SELECT max(fence) FROM (
    SELECT fence FROM ${tasks} UNION ALL SELECT fence FROM ${deadTasks}) AS stored)`;
  await db.statement(skip(highest), { fence: int });
}
