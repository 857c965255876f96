/**
 * What "now" is to those who keep due times and leases in a database: its own clock, within the very
 * statement that compares or writes; so no worker's clock can be wrong. A virtual clock, which a test
 * or a simulation moves, takes its place, by the same two ways in.
 */
import type { Clock, EpochMs } from '../clock.ts';
import { type FromNow, fromNow, timestamp } from './column.ts';
import type { Reader } from './database.ts';
import type { Dialect } from './dialect.ts';
import { type Sql, sql } from './sql.ts';

export interface DatabaseTime {
  /** In a query or statement. */
  readonly now: Sql;
  /** In a row to be written: so long after the moment of writing. */
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

/** Asks for it: within a transaction, after what has been read there. */
export async function readNow(reader: Reader, time: Pick<DatabaseTime, 'now'>): Promise<EpochMs> {
  const [row] = await reader.query(sql`SELECT ${time.now} AS now`, { now: timestamp });
  if (!row) throw new Error('the database told no time');
  return row.now;
}
