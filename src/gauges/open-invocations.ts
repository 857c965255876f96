/**
 * How many invocations are not over yet, and since when: read from indexes that hold only these, and
 * counted up to a limit, so the cost does not grow with the tables. There is no index on states, as such
 * an index would make unrelated transactions conflict. A FINALIZING invocation is found by what it waits
 * for, or by its task: it has one of the two, unless its tries are pushed.
 */
import type { EpochMs } from '@postlude/queue/foundations';
import {
  emptySql,
  int,
  nullable,
  type Reader,
  raw,
  type Sql,
  shardsOf,
  sql,
  timestamp,
} from '@postlude/queue/storage';
import { tasks } from '@postlude/queue/tables';
import { TRY_FINALIZE_INVOCATION } from '../finalizer/finalization-tasks.ts';
import { STATE_NUMBERS } from '../invocations/state.ts';
import { invocations } from '../invocations/table.ts';
import { MAX_COUNTED } from './bounds.ts';

export interface Group {
  /** Counted up to MAX_COUNTED. */
  readonly count: number;
  /** The earliest time among those that were counted; `undefined` if there are none. */
  readonly since: EpochMs | undefined;
}

export interface OpenInvocations {
  /** Since they were created. */
  readonly active: Group;
  /** Since their finalization began. */
  readonly finalizing: Group;
  /** ACTIVE ones whose time is over, since it was over. */
  readonly overdue: Group;
}

export async function readOpenInvocations(reader: Reader, now: EpochMs): Promise<OpenInvocations> {
  return {
    active: await readActive(reader, raw('create_time'), emptySql),
    overdue: await readActive(
      reader,
      raw('active_deadline'),
      sql` AND active_deadline <= ${timestamp(now)}`,
    ),
    finalizing: await readFinalizing(reader),
  };
}

/** Counts those whose deadlines come first. */
async function readActive(reader: Reader, since: Sql, condition: Sql): Promise<Group> {
  const index = reader.dialect.useIndex('invocations_by_active_deadline');
  let sum: Group = { count: 0, since: undefined };
  for (const shard of shardsOf(reader.dialect)) {
    const where = sql`${shard ? sql`${shard} AND ` : emptySql}active_deadline IS NOT NULL${condition}`;
    const rows = sql`SELECT ${since} AS since FROM ${invocations}${index} WHERE ${where}
      ORDER BY active_deadline, invocation_id LIMIT ${constant(MAX_COUNTED - sum.count)}`;
    sum = add(sum, await readGroup(reader, rows));
  }
  return sum;
}

async function readFinalizing(reader: Reader): Promise<Group> {
  const waiting = sql`SELECT finalize_start_time AS since
    FROM ${invocations}${reader.dialect.useIndex('invocations_by_blocker')}
    WHERE blocker_id IS NOT NULL
    ORDER BY blocker_id, invocation_id LIMIT ${constant(MAX_COUNTED)}`;
  // The scalar subquery looks each invocation up by its key; a join might read the whole table.
  const tried = sql`SELECT (SELECT i.finalize_start_time FROM ${invocations} AS i
      WHERE i.invocation_id = t.invocation_id AND i.blocker_id IS NULL
        AND i.state = ${raw(String(STATE_NUMBERS.FINALIZING))}) AS since
    FROM (SELECT DISTINCT invocation_id FROM (
      SELECT invocation_id FROM ${tasks} WHERE type = ${TRY_FINALIZE_INVOCATION.name}
      ORDER BY id LIMIT ${constant(MAX_COUNTED)}) AS first_tasks) AS t`;
  return add(await readGroup(reader, waiting), await readGroup(reader, tried));
}

/** `rows` select a column `since`; those without a value do not count. */
async function readGroup(reader: Reader, rows: Sql): Promise<Group> {
  const [row] = await reader.query(
    sql`SELECT count(since) AS total, min(since) AS since FROM (${rows}) AS found`,
    { total: int, since: nullable(timestamp) },
  );
  return { count: row?.total ?? 0, since: row?.since };
}

function add(a: Group, b: Group): Group {
  const times = [a.since, b.since].filter((time) => time !== undefined);
  return {
    count: Math.min(a.count + b.count, MAX_COUNTED),
    since: times.length === 0 ? undefined : Math.min(...times),
  };
}

/** Planners use the values of constants, and guess those of parameters. */
function constant(limit: number): Sql {
  return raw(String(limit));
}
