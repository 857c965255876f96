/** Checks the content of test results. */
import { toBinary } from '@bufbuild/protobuf';
import type { EpochMs } from '@postlude/queue/foundations';
import {
  type TestLocation,
  TestLocationSchema,
} from '../../../gen/luci/resultdb/v1/test_metadata_pb.js';
import type { TestResult } from '../../../gen/luci/resultdb/v1/test_result_pb.js';
import type { Schemes } from '../../../results/identity/schemes.ts';
import { MAX_HTML_BYTES } from '../../../results/limits.ts';
import type { NewTestResult } from '../../../results/test-result.ts';
import { checkTags } from '../../shared/check-pairs.ts';
import { inField, invalid, requireText } from '../../shared/field.ts';
import { checkResultId } from '../../shared/result-name.ts';
import { fromDuration, fromTimestamp } from '../../shared/timestamp.ts';
import { checkIdentity } from './validate-identity.ts';
import { checkLocation, checkMetadata } from './validate-metadata.ts';
import { checkOutcome } from './validate-outcome.ts';

/** What a result is checked against. */
export interface ResultRules {
  readonly now: EpochMs;
  readonly schemes: Schemes;
}

/** The clock of a machine that runs tests may be ahead of the server's. */
const MAX_CLOCK_SKEW_MS = 10 * 60_000;
const FUTURE = 'must be at most 10 minutes in the future';

/** Returns the record of a result. Throws `invalid-argument`. */
export function checkTestResult(result: TestResult, { now, schemes }: ResultRules): NewTestResult {
  return {
    ...checkIdentity(result, schemes),
    resultId: inField('result_id', () => checkResultId(result.resultId)),
    summaryHtml: inField('summary_html', () => requireText(result.summaryHtml, MAX_HTML_BYTES)),
    ...checkTimes(result, now),
    tags: checkTags('tags', result.tags),
    testLocation: inField('test_location', () => checkOldLocation(result.testLocation)),
    testMetadata: inField('test_metadata', () => checkMetadata(result.testMetadata)),
    ...checkOutcome(result),
  };
}

function checkTimes({ startTime, duration }: TestResult, now: EpochMs) {
  const start = startTime && inField('start_time', () => fromTimestamp(startTime));
  const micros = duration && inField('duration', () => fromDuration(duration));
  const latest = now + MAX_CLOCK_SKEW_MS;
  if (start !== undefined && start > latest) throw invalid(`start_time: ${FUTURE}`);
  if (micros !== undefined && micros < 0) throw invalid('duration: must not be negative');
  if (start !== undefined && micros !== undefined && start + micros / 1000 > latest) {
    throw invalid(`start_time + duration: ${FUTURE}`);
  }
  return { startTime: start, durationMicros: micros };
}

function checkOldLocation(location: TestLocation | undefined): Uint8Array | undefined {
  if (location === undefined) return undefined;
  checkLocation(location);
  return toBinary(TestLocationSchema, location);
}
