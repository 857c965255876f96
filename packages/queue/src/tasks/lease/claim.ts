/**
 * Leases due tasks, oldest first. There is one implementation for each way in which a database can do it.
 *
 * With SKIP LOCKED it is one statement. It finds its rows by ctid, since `(type, id) IN (SELECT …
 * FOR UPDATE SKIP LOCKED)` flips its plan after some ten thousand updates without vacuum. And it
 * starts at a low-water mark, since the index still holds entries of tasks that are done, which a
 * scan from the beginning would walk over again and again.
 *
 * A task can appear before the mark (after a slow commit, or the end of a lease). It is found by a scan
 * from the beginning, which happens at least every LOOK_BEHIND_MS.
 */
import type { Clock, EpochMs } from '../../foundations/clock.ts';
import { type Random, randomInt, systemRandom } from '../../foundations/random.ts';
import { int, text, timestamp } from '../../storage/column.ts';
import { type Database, LOOK, type Transaction } from '../../storage/database.ts';
import type { Fences } from '../../storage/dialect.ts';
import { raw, type Sql, selectList, sql } from '../../storage/sql.ts';
import type { DatabaseTime } from '../../storage/time.ts';
import { tasks } from '../table.ts';
import type { Lease } from '../task.ts';
import { isClaimable, readTasks, toLease, withNextLease, withSubject } from '../task-rows.ts';
import { isFree, leaseUntil, selectDue } from './due.ts';
import { HISTORY_AT_LEASE } from './lapsed-lease.ts';

export interface ClaimRequest {
  readonly type: string;
  readonly limit: number;
  /** Leases no more tasks once their payloads have this many bytes. */
  readonly bytes?: number | undefined;
  /** How many of the tasks, oldest first, begin at once. */
  readonly begin?: number | undefined;
  readonly leaseMs: number;
}

export interface ClaimParts {
  readonly db: Database;
  readonly time: DatabaseTime;
  readonly clock: Clock;
}

export type Claim = (request: ClaimRequest) => Promise<Lease[]>;

/** How long a task that appears before the mark may stay unseen while others are found. */
export const LOOK_BEHIND_MS = 500;

export function claimFor(parts: ClaimParts): Claim {
  const isLocking = parts.db.capabilities.skipsLockedRows;
  return isLocking ? skipLockedClaim(parts) : readThenCheckClaim(parts);
}

const UNBOUNDED = Number.MAX_SAFE_INTEGER;

/** The columns that the UPDATE must return: `type` is known, and `lease_until` is never NULL there. */
const { type: _, ...otherColumns } = tasks.columns;
const claimedColumns = { ...otherColumns, leaseUntil: timestamp };

/** A place in the index of due tasks. */
interface Position {
  processAfter: EpochMs;
  id: string;
}

type DueTask = Pick<Lease, 'processAfter' | 'id'>;

const BEGINNING: Position = { processAfter: 0, id: '' };

/** The low-water mark: at the last scan, every task before it was leased or gone. */
interface Mark extends Position {
  /** When a scan last began at the beginning, by the monotonic clock. */
  lookedBehindAt: number;
}

export function skipLockedClaim({ db, time, clock }: ClaimParts): Claim {
  const marks = new Map<string, Mark>();
  const take = async (request: ClaimRequest, from: Position): Promise<Lease[]> => {
    const statement = claimStatement(request, { from, time, fences: db.dialect.fences });
    const rows = await db.statement(statement, claimedColumns, LOOK);
    return rows.map((row) => ({ ...withSubject(row), type: request.type })).sort(byDueTime);
  };
  return async (request) => {
    const mark = markOf(marks, request.type);
    const startedAt = clock.monotonicMs();
    const isLookDue = startedAt - mark.lookedBehindAt >= LOOK_BEHIND_MS;
    let leases = isLookDue ? [] : await take(request, mark);
    // If nothing is found after the mark, there is time to scan everything.
    if (leases.length === 0) {
      leases = await take(request, BEGINNING);
      mark.lookedBehindAt = startedAt;
    }
    const [first] = leases;
    if (first) Object.assign(mark, { processAfter: first.processAfter, id: first.id });
    return leases;
  };
}

interface ClaimPlace {
  readonly from: Position;
  readonly time: DatabaseTime;
  readonly fences: Fences;
}

function claimStatement(request: ClaimRequest, { from, time, fences }: ClaimPlace): Sql {
  const { type, limit, bytes = UNBOUNDED, begin = limit, leaseMs } = request;
  const { now } = time;
  return sql`WITH found AS MATERIALIZED (
      SELECT ctid AS place, process_after, id, length(payload) AS bytes FROM ${tasks}
      WHERE type = ${type} AND process_after <= ${now}
        AND (process_after, id) >= (${timestamp(from.processAfter)}, ${from.id})
        AND ${isFree(now)}
      ORDER BY process_after, id LIMIT ${limit} FOR UPDATE SKIP LOCKED),
    counted AS MATERIALIZED (
      SELECT place, process_after, id, row_number() OVER oldest_first AS number,
        sum(bytes) OVER oldest_first - coalesce(bytes, 0) AS bytes_before
      FROM found WINDOW oldest_first AS (ORDER BY process_after, id))
    UPDATE ${tasks} SET ${HISTORY_AT_LEASE}, fence = ${fences.next}, lease_until = ${leaseUntil(time, leaseMs)},
      begun = ${isAmongFirst(begin, limit)}
    WHERE ctid = ANY(ARRAY(SELECT place FROM counted WHERE coalesce(bytes_before, 0) < ${bytes}))
    RETURNING ${selectList(claimedColumns)}`;
}

/** Compares with the last of the first: to look for each task among them would take a square of their number. */
function isAmongFirst(begin: number, limit: number): Sql {
  if (begin >= limit) return raw('TRUE');
  if (begin <= 0) return raw('FALSE');
  return sql`(process_after, id) <= (SELECT process_after, id FROM counted
    WHERE number <= ${begin} ORDER BY number DESC LIMIT 1)`;
}

/**
 * Claims for databases without SKIP LOCKED: reads candidates from a snapshot, and checks them again under
 * lock. If the index has shards, a worker that found as many tasks as it wanted reads one random shard next
 * time, so that many workers on a long queue seldom meet; if that shard does not hold enough, it reads all.
 * On a short queue it reads all shards at once, so that an idle worker makes one read for each poll.
 */
export function readThenCheckClaim(parts: ClaimParts, random: Random = systemRandom): Claim {
  const { db } = parts;
  const longQueues = new Set<string>();
  return async (request) => {
    const { type, limit, begin, leaseMs } = request;
    const shards = db.dialect.indexShards.length;
    const shard = longQueues.has(type) && shards > 0 ? randomInt(random, shards) : undefined;
    let found = await candidates(parts, { ...request, shard });
    if (shard !== undefined && found.length < limit) found = await candidates(parts, request);
    if (found.length === limit) longQueues.add(type);
    else longQueues.delete(type);
    if (found.length === 0) return [];
    const names = upToBytes(found, request.bytes).map(({ id }) => ({ type, id }));
    return await leaseNamed(parts, names, { leaseMs, begin });
  };
}

interface Candidate {
  readonly id: string;
  /** The size of its payload. */
  readonly bytes: number;
}

/** Drops the candidates after those whose payloads have enough bytes. */
function upToBytes(found: readonly Candidate[], enough = UNBOUNDED): readonly Candidate[] {
  let before = 0;
  const end = found.findIndex(({ bytes }) => {
    if (before >= enough) return true;
    before += bytes;
    return false;
  });
  return end === -1 ? found : found.slice(0, end);
}

async function candidates(
  { db, time: { now } }: ClaimParts,
  { type, limit, shard }: ClaimRequest & { readonly shard?: number | undefined },
): Promise<Candidate[]> {
  return await db.read((tx) => {
    const conditions = [isFree(now)];
    const due = selectDue(tx.dialect, { type, limit, now, shard, conditions });
    return tx.query(
      sql`SELECT task.id AS id, coalesce(length(task.payload), 0) AS bytes
        FROM (${due}) AS due JOIN ${tasks} AS task ON task.type = ${type} AND task.id = due.id
        ORDER BY due.process_after, due.id`,
      { id: text, bytes: int },
    );
  }, LOOK);
}

/** Leases the named tasks that are due and free. */
export async function leaseNamed(
  { db, time }: Pick<ClaimParts, 'db' | 'time'>,
  names: readonly { readonly type: string; readonly id: string }[],
  { leaseMs, begin = names.length }: Pick<ClaimRequest, 'leaseMs' | 'begin'>,
): Promise<Lease[]> {
  return await db.write(async (tx) => {
    const rows = await readTasks(tx, names);
    if (rows.length === 0) return [];
    const { now, fence } = await draw(tx, time);
    const leaseUntil = now + leaseMs;
    const leased = rows
      .filter((row) => isClaimable(row, now))
      .sort(byDueTime)
      .map((row, index) => withNextLease(row, { leaseUntil, fence, begun: index < begin }));
    await tx.update(
      tasks,
      leased.map(({ type, id, attempt, fence, leaseUntil, lastError, begun, deaths }) => ({
        type,
        id,
        attempt,
        fence,
        leaseUntil,
        lastError,
        begun,
        deaths,
      })),
    );
    return leased.map(toLease);
  }, LOOK);
}

/** Call it after the rows are locked, so that nobody changes them afterwards. */
async function draw(
  tx: Transaction,
  time: DatabaseTime,
): Promise<{ readonly now: EpochMs; readonly fence: number }> {
  const columns = { now: timestamp, fence: int };
  const [row] = await tx.query(
    sql`SELECT ${time.now} AS now, ${tx.dialect.fences.next} AS fence`,
    columns,
  );
  if (!row) throw new Error('the database returned no time');
  return row;
}

function markOf(marks: Map<string, Mark>, type: string): Mark {
  const known = marks.get(type);
  if (known) return known;
  const mark = { ...BEGINNING, lookedBehindAt: Number.NEGATIVE_INFINITY };
  marks.set(type, mark);
  return mark;
}

function byDueTime(a: DueTask, b: DueTask): number {
  return a.processAfter - b.processAfter || (a.id < b.id ? -1 : 1);
}
