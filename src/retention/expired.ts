/**
 * Finds what retention may delete, in the indexes of the migrations 0009_retention and 0007_dead_times. A
 * search is a snapshot: before the caller deletes anything, it reads the rows again in its
 * transaction.
 *
 * Only FINALIZED invocations are found, and none whose own exports are still to be done or retried.
 * Such exports end: they succeed, or their tasks are dead after their last attempt.
 */
import type { EpochMs } from '@postlude/queue/foundations';
import {
  type Database,
  int,
  join,
  LOOK,
  nullable,
  type Reader,
  raw,
  type Sql,
  sql,
  text,
  timestamp,
} from '@postlude/queue/storage';
import { tasks } from '@postlude/queue/tables';
import { BQ_EXPORT } from '../exporter/task.ts';
import { firstAttemptId } from '../invocations/attempts.ts';
import { fromRowId, type InvocationId, toRowId } from '../invocations/id.ts';
import { STATE_NUMBERS } from '../invocations/state.ts';
import { invocations } from '../invocations/table.ts';

/** What has expired: an invocation with all it holds, or only its expected results. */
export type Expiry = 'invocation' | 'expected-results';

export interface ExpiredListing {
  readonly expiry: Expiry;
  readonly now: EpochMs;
  /** One of the conditions that `shardsOf` returns. */
  readonly shard: Sql | undefined;
  /** The last invocation of the previous page. */
  readonly after?: Expired | undefined;
  readonly limit: number;
}

export interface Expired {
  readonly id: InvocationId;
  readonly expiredAt: EpochMs;
  /** `false`: no recorder began it again. */
  readonly mayHaveAttempts: boolean;
}

const ORDERS = {
  invocation: { index: 'invocations_by_expiration', time: raw('expiration_time') },
  'expected-results': {
    index: 'invocations_by_expected_results_expiration',
    time: raw('expected_results_expiration_time'),
  },
} as const;

/** SQL condition: the invocation is FINALIZED, and nothing is left to be written for it. */
export const IS_SETTLED = raw(`state = ${STATE_NUMBERS.FINALIZED} AND closed_by IS NULL`);

/**
 * Yields pages of expired invocations of one shard, the longest expired first. What a caller does
 * not delete is passed over.
 */
export async function* expiredPages(
  db: Pick<Database, 'read'>,
  listing: Omit<ExpiredListing, 'after'>,
): AsyncGenerator<readonly Expired[], void, void> {
  let page: readonly Expired[] = [];
  do {
    const after = page.at(-1);
    page = await db.read((reader) => findExpired(reader, { ...listing, after }), LOOK);
    yield page;
  } while (page.length === listing.limit);
}

/** Returns a page of expired invocations, the longest expired first. */
async function findExpired(reader: Reader, listing: ExpiredListing): Promise<Expired[]> {
  const { after, expiry, limit, now, shard } = listing;
  const { index, time } = ORDERS[expiry];
  const conditions = [
    ...(shard ? [shard] : []),
    sql`${time} IS NOT NULL AND ${time} <= ${timestamp(now)}`,
    ...(after ? [isAfter(reader, time, after)] : []),
    IS_SETTLED,
    // The whole invocation goes anyway.
    ...(expiry === 'expected-results' ? [sql`expiration_time > ${timestamp(now)}`] : []),
    sql`${pendingExport} IS NULL`,
  ];
  const rows = await reader.query(
    sql`SELECT invocation_id, ${time} AS expired_at, last_attempt
        FROM ${invocations}${reader.dialect.useIndex(index)} AS i
        WHERE ${join(conditions, ' AND ')}
        ORDER BY ${time}, invocation_id LIMIT ${limit}`,
    { invocationId: text, expiredAt: timestamp, lastAttempt: nullable(int) },
  );
  return rows.map(({ expiredAt, invocationId, lastAttempt }) => {
    const id = fromRowId(invocationId);
    return {
      id,
      expiredAt,
      mayHaveAttempts: lastAttempt !== undefined || firstAttemptId(id) !== id,
    };
  });
}

/**
 * The id of an export task of the invocation, or NULL: task ids begin with the row id and a colon,
 * and a semicolon is the next character. A planner runs a scalar subquery for the rows that are
 * left; it might turn EXISTS into a read of the whole table.
 */
const pendingExport = sql`(SELECT t.id FROM ${tasks} AS t
  WHERE t.type = ${BQ_EXPORT.name}
    AND t.id > i.invocation_id || ':' AND t.id < i.invocation_id || ';'
  ORDER BY t.id LIMIT 1)`;

function isAfter({ dialect }: Reader, time: Sql, { expiredAt, id }: Expired): Sql {
  return dialect.isAfterKey(
    [time, raw('invocation_id')],
    [timestamp(expiredAt), text(toRowId(id))],
  );
}
