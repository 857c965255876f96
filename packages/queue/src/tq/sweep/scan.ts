/**
 * One scan of a range of reminders: it finds the stale ones, and the ranges that have to be scanned after it.
 * A scan is bounded in reminders and in time; what it does not reach becomes follow-ups. Their depth is
 * bounded, so that a sweep ends: what the deepest ones do not reach is left to the next sweep.
 */
import type { Clock } from '../../foundations/clock.ts';
import { toError } from '../../foundations/errors.ts';
import type { Log } from '../../foundations/log.ts';
import { type Database, LOOK } from '../../storage/database.ts';
import { databaseTime } from '../../storage/time.ts';
import type { ReminderSummary } from '../reminders/reminder.ts';
import { readReminderSummaries } from '../reminders/reminders.ts';
import type { ScanStatus, TqMetrics } from '../tq-metrics.ts';
import { idRangeOf, type Partition, restAfter, splitAfter, splitPartition } from './partition.ts';
import { unlessAborted, withTimeLimit } from './time-limit.ts';

export interface ScanParts {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: TqMetrics;
}

export interface ScanLimits {
  /** How many reminders one scan reads. */
  readonly tasksPerScan: number;
  /** How many follow-ups one scan leaves at most. */
  readonly secondaryShards: number;
  readonly scanMs: number;
}

/** A partition to scan. Its `level` is 0, or one more than that of the scan that it follows. */
export interface SweepRange {
  readonly partition: Partition;
  readonly level: number;
}

export interface ScanRequest {
  readonly range: SweepRange;
  readonly limits: ScanLimits;
  readonly signal: AbortSignal;
}

export interface Scan {
  readonly status: ScanStatus;
  /** How many reminders were seen. */
  readonly scanned: number;
  /** The ids of the reminders that are not fresh, in order. */
  readonly stale: readonly string[];
  readonly followUps: readonly SweepRange[];
  /** Whether all of the range was seen, or is in the follow-ups. */
  readonly isWhole: boolean;
}

export const SCAN_LIMITS: ScanLimits = { tasksPerScan: 2048, secondaryShards: 16, scanMs: 60_000 };

/** Scans of this level have no follow-ups. */
export const MAX_LEVEL = 2;
/** How many reminders one query reads: those that were read before the time was up are not lost. */
const PAGE = 512;

/** Never throws: a failure is logged, and the status is `fail`. */
export async function scan(
  parts: ScanParts,
  { limits, range, signal }: ScanRequest,
): Promise<Scan> {
  const { clock, metrics } = parts;
  const seen: ReminderSummary[] = [];
  const status = await withTimeLimit({ clock, ms: limits.scanMs, parent: signal }, (inTime) =>
    readInto(seen, parts, { range, limits, signal: inTime }),
  );
  const stale = seen.filter(({ staleMs }) => staleMs >= 0);
  metrics.scanned(
    status,
    range.level,
    stale.map(({ staleMs }) => staleMs),
  );
  const mayFollow = (status === 'limit' || status === 'timeout') && range.level < MAX_LEVEL;
  return {
    status,
    scanned: seen.length,
    stale: stale.map(({ id }) => id),
    followUps: mayFollow ? followUpsOf(range, seen, limits) : [],
    isWhole: status === 'ok' || mayFollow,
  };
}

async function readInto(
  seen: ReminderSummary[],
  { db, clock, log }: ScanParts,
  { range, limits, signal }: ScanRequest,
): Promise<ScanStatus> {
  try {
    return await readPages(seen, { db, clock }, { range, limits, signal });
  } catch (error) {
    log.error('a scan of reminders failed', { level: range.level, error: toError(error) });
    return 'fail';
  }
}

async function readPages(
  seen: ReminderSummary[],
  { db, clock }: Pick<ScanParts, 'db' | 'clock'>,
  { range: { partition }, limits: { tasksPerScan }, signal }: ScanRequest,
): Promise<ScanStatus> {
  const time = databaseTime(db.dialect, clock);
  let rest: Partition | undefined = partition;
  while (rest) {
    const limit = Math.min(PAGE, tasksPerScan - seen.length);
    if (limit <= 0) return 'limit';
    const ids = idRangeOf(rest);
    const read = () => db.read((tx) => readReminderSummaries(tx, ids, { limit, time }), LOOK);
    const page: ReminderSummary[] | undefined = await unlessAborted(read, signal);
    if (!page) return 'timeout';
    seen.push(...page);
    const last = page.at(-1);
    rest = last && page.length === limit ? restAfter(partition, last.id) : undefined;
  }
  return 'ok';
}

function followUpsOf(
  { partition, level }: SweepRange,
  seen: readonly ReminderSummary[],
  { tasksPerScan, secondaryShards }: ScanLimits,
): SweepRange[] {
  const last = seen.at(-1);
  const parts = last
    ? splitAfter(partition, {
        last: last.id,
        seen: seen.length,
        target: tasksPerScan,
        maxParts: secondaryShards,
      })
    : splitPartition(partition, secondaryShards);
  return parts.map((part) => ({ partition: part, level: level + 1 }));
}
