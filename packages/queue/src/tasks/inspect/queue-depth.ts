/** How many tasks of a type are due. It is read from the index of due times, never by a full scan. */
import type { EpochMs } from '../../foundations/clock.ts';
import { int, nullable, timestamp } from '../../storage/column.ts';
import type { Reader } from '../../storage/database.ts';
import { sql } from '../../storage/sql.ts';
import type { DatabaseTime } from '../../storage/time.ts';
import { selectDue } from '../lease/due.ts';

export interface QueueDepth {
  /** Due tasks, leased ones included; counted up to MAX_COUNTED. */
  readonly due: number;
  /** When the oldest of them became due; `undefined` if none is. */
  readonly oldestDueTime: EpochMs | undefined;
  /** How long ago that was, by the clock that due times are compared with. */
  readonly oldestDueAgeMs: number | undefined;
}

/** "At least ten thousand" is precise enough for a gauge, and costs a bounded read. */
export const MAX_COUNTED = 10_000;

export async function queueDepth(
  reader: Reader,
  type: string,
  time: DatabaseTime,
): Promise<QueueDepth> {
  const { now } = time;
  const [row] = await reader.query(
    sql`SELECT count(*) AS due, min(process_after) AS oldest_due_time, ${now} AS now FROM (
          ${selectDue(reader.dialect, { type, now, limit: MAX_COUNTED })}) AS due_tasks`,
    { due: int, oldestDueTime: nullable(timestamp), now: timestamp },
  );
  const { due = 0, oldestDueTime } = row ?? {};
  const isDue = row !== undefined && oldestDueTime !== undefined;
  return { due, oldestDueTime, oldestDueAgeMs: isDue ? row.now - oldestDueTime : undefined };
}
