/**
 * "Now" for code that keeps due times and leases in a database. It is the database's own time, taken in the
 * very statement that compares or writes, so a wrong clock of a worker does no harm. If the clock is
 * virtual, because a test or a simulation moves it, its time is used instead, in the same two places.
 */
import type { Clock, EpochMs } from '../foundations/clock.ts';
import { type FromNow, fromNow, timestamp } from './column.ts';
import type { Reader } from './database.ts';
import type { Dialect } from './dialect.ts';
import { type Sql, sql } from './sql.ts';

export interface DatabaseTime {
  /** The time as a fragment of a query or statement. */
  readonly now: Sql;
  /** The time to write into a row: `ms` after the moment of writing. */
  after(ms: number): EpochMs | FromNow;
}

export function databaseTime(dialect: Dialect, clock: Clock): DatabaseTime {
  return clock.isVirtual ? virtualTime(clock) : { now: dialect.now, after: fromNow };
}

function virtualTime(clock: Clock): DatabaseTime {
  return {
    get now() {
      return sql`${timestamp(clock.now())}`;
    },
    after: (ms) => clock.now() + ms,
  };
}

/** Reads the time in a transaction; it is later than everything the transaction has read before. */
export async function readNow(reader: Reader, time: Pick<DatabaseTime, 'now'>): Promise<EpochMs> {
  const [row] = await reader.query(sql`SELECT ${time.now} AS now`, { now: timestamp });
  if (!row) throw new Error('the database returned no time');
  return row.now;
}
