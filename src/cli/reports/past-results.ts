import type { EpochMs } from '@postlude/queue/foundations';
import type { TestResult } from '../../gen/luci/resultdb/v1/test_result_pb.js';
import { fromDuration, fromTimestamp } from '../../services/shared/timestamp.ts';

/** Drops a start time in the future, so that a machine whose clock is ahead can record its results. */
export function withoutFuture(result: TestResult, now: EpochMs): TestResult {
  const { duration, startTime } = result;
  if (startTime === undefined) return result;
  const durationMs = duration === undefined ? 0 : fromDuration(duration) / 1000;
  if (fromTimestamp(startTime) + durationMs <= now) return result;
  const { startTime: _, ...others } = result;
  return others;
}
