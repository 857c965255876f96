/**
 * Takes leases on due tasks, oldest first: once for each way in which a database can do it.
 *
 * With SKIP LOCKED it is one statement. It finds its rows by ctid, since `(type, id) IN (SELECT …
 * FOR UPDATE SKIP LOCKED)` flips its plan after some ten thousand updates without vacuum. And it
 * starts at a low-water mark, since the index still holds entries of tasks that are done, which a
 * scan from the beginning would walk over again and again.
 *
 * What appears behind the mark (a commit that took long, a lease that ended) is found by a look
 * from the beginning, which happens at least every LOOK_BEHIND_MS.
 */
import type { EpochMs } from '../clock.ts';
import { type Random, randomInt, systemRandom } from '../random.ts';
import { text, timestamp } from '../storage/column.ts';
import type { Database } from '../storage/database.ts';
import { type Sql, selectList, sql } from '../storage/sql.ts';
import { isFree, selectDue } from './due.ts';
import { tasks } from './table.ts';
import type { Lease } from './task.ts';
import { isClaimable, readTasks, toLease, withNextAttempt } from './task-rows.ts';

export interface ClaimRequest {
  readonly type: string;
  readonly limit: number;
  readonly now: EpochMs;
  readonly leaseMs: number;
}

export type Claim = (request: ClaimRequest) => Promise<Lease[]>;

/** How long a task that appears behind the mark may stay unseen, while others are found. */
export const LOOK_BEHIND_MS = 500;

export function claimFor(db: Database): Claim {
  return db.capabilities.claim === 'skip-locked' ? skipLockedClaim(db) : readThenCheckClaim(db);
}

/** All of a lease that the one who claims does not know already. */
const { type: _, leaseUntil: __, ...claimedColumns } = tasks.columns;

/** A place in the index of due tasks. */
interface Position {
  processAfter: EpochMs;
  id: string;
}

const BEGINNING: Position = { processAfter: 0, id: '' };

/** The low-water mark: what stood before it when it was last looked at is leased or gone. */
interface Mark extends Position {
  lookedBehindAt: EpochMs;
}

export function skipLockedClaim(db: Database): Claim {
  const marks = new Map<string, Mark>();
  const take = async (request: ClaimRequest, from: Position): Promise<Lease[]> => {
    const rows = await db.statement(claimStatement(request, from), claimedColumns);
    const leaseUntil = request.now + request.leaseMs;
    return rows.map((row) => ({ ...row, type: request.type, leaseUntil })).sort(byDueTime);
  };
  return async (request) => {
    const mark = markOf(marks, request.type);
    const isLookDue = Math.abs(request.now - mark.lookedBehindAt) >= LOOK_BEHIND_MS;
    let leases = isLookDue ? [] : await take(request, mark);
    // Where nothing is found there is time to look at everything.
    if (leases.length === 0) {
      leases = await take(request, BEGINNING);
      mark.lookedBehindAt = request.now;
    }
    const [first] = leases;
    if (first) Object.assign(mark, { processAfter: first.processAfter, id: first.id });
    return leases;
  };
}

function claimStatement({ type, limit, now, leaseMs }: ClaimRequest, from: Position): Sql {
  return sql`UPDATE ${tasks} SET attempt = attempt + 1, fence = fence + 1, lease_until = ${timestamp(now + leaseMs)}
    WHERE ctid = ANY(ARRAY(
      SELECT ctid FROM ${tasks}
      WHERE type = ${type} AND process_after <= ${timestamp(now)}
        AND (process_after, id) >= (${timestamp(from.processAfter)}, ${from.id})
        AND (lease_until IS NULL OR lease_until <= ${timestamp(now)})
      ORDER BY process_after, id LIMIT ${limit} FOR UPDATE SKIP LOCKED))
    RETURNING ${selectList(claimedColumns)}`;
}

/**
 * For databases without SKIP LOCKED: candidates from a snapshot, checked again under lock. Where the
 * index has shards, whoever found as many as it wanted looks into one of them next time, at random,
 * so that many workers on a long queue seldom meet; into all where that one does not hold enough. On
 * a short queue all are looked into at once: so an idle worker makes one read a look.
 */
export function readThenCheckClaim(db: Database, random: Random = systemRandom): Claim {
  const longQueues = new Set<string>();
  return async (request) => {
    const { type, limit, now, leaseMs } = request;
    const shards = db.dialect.shards.length;
    const shard = longQueues.has(type) && shards > 0 ? randomInt(random, shards) : undefined;
    let ids = await candidates(db, { ...request, shard });
    if (shard !== undefined && ids.length < limit) ids = await candidates(db, request);
    if (ids.length === limit) longQueues.add(type);
    else longQueues.delete(type);
    if (ids.length === 0) return [];
    const names = ids.map((id) => ({ type, id }));
    return await leaseNamed(db, names, { now, leaseMs });
  };
}

async function candidates(
  db: Database,
  { type, limit, now, shard }: ClaimRequest & { readonly shard?: number | undefined },
): Promise<string[]> {
  const rows = await db.read((tx) => {
    const conditions = [isFree(now)];
    return tx.query(selectDue(tx.dialect, { type, limit, now, shard, conditions }), { id: text });
  });
  return rows.map(({ id }) => id);
}

/** Leases those of the named tasks that are due and free. */
export async function leaseNamed(
  db: Database,
  names: readonly { readonly type: string; readonly id: string }[],
  { now, leaseMs }: Pick<ClaimRequest, 'now' | 'leaseMs'>,
): Promise<Lease[]> {
  return await db.write(async (tx) => {
    const free = (await readTasks(tx, names)).filter((row) => isClaimable(row, now));
    const leased = free.map((row) => withNextAttempt(row, now + leaseMs));
    await tx.update(
      tasks,
      leased.map(({ type, id, attempt, fence, leaseUntil }) => ({
        ...{ type, id, attempt, fence, leaseUntil },
      })),
    );
    return leased.map(toLease).sort(byDueTime);
  });
}

function markOf(marks: Map<string, Mark>, type: string): Mark {
  const known = marks.get(type);
  if (known) return known;
  const mark = { ...BEGINNING, lookedBehindAt: Number.NEGATIVE_INFINITY };
  marks.set(type, mark);
  return mark;
}

function byDueTime(a: Lease, b: Lease): number {
  return a.processAfter - b.processAfter || (a.id < b.id ? -1 : 1);
}
