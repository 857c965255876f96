/**
 * How a recorded command ended, as part of what its invocation says: in its properties, and, where its
 * reports do not tell of the failure, as an unexpected result of its own. So a run whose runner crashed
 * after its tests, or between two report files, does not read green.
 */
import { hostname } from 'node:os';
import type { JsonObject } from '@bufbuild/protobuf';
import type { EpochMs } from '../../clock.ts';
import { TestStatus } from '../../gen/luci/resultdb/v1/test_result_pb.js';
import type { Counts } from '../../ingest/report.ts';
import { summaryHtmlOf } from '../../ingest/results/summary-html.ts';
import { shortenTo } from '../../ingest/results/test-id.ts';
import type { TestResultMessage } from '../../ingest/results/test-results.ts';
import { MAX_ERROR_MESSAGE_BYTES } from '../../results/limits.ts';
import { type CommandEnd, signalOf } from '../process/spawn.ts';

export const COMMAND_TEST_ID = 'postlude/command';

export interface CommandOutcome extends CommandEnd {
  /** Without its arguments, which may hold secrets. */
  readonly file: string;
  readonly startTime: EpochMs;
  readonly endTime: EpochMs;
  /** The signal that we were told to stop by. */
  readonly cancelledBy?: NodeJS.Signals | undefined;
  /** Why it could not be started at all. */
  readonly notStarted?: string | undefined;
}

/**
 * Also cancelled where we are told only after the command has ended, and badly: whoever cancels a job
 * may signal what we have started before he signals us. Asked again until the end has been said.
 */
export function heedingLateSignal(outcome: CommandOutcome, signal: AbortSignal): CommandOutcome {
  return {
    ...outcome,
    get cancelledBy() {
      const isLate = signal.aborted && outcome.exitCode !== 0 && outcome.notStarted === undefined;
      return outcome.cancelledBy ?? (isLate ? signalOf(signal) : undefined);
    },
  };
}

/** For the properties of the invocation. */
export function outcomeProperties(outcome: CommandOutcome): JsonObject {
  const { cancelledBy, endTime, exitCode, file, killedBy, notStarted, startTime } = outcome;
  return {
    command: {
      ...{ file, exitCode, host: hostname() },
      startTime: new Date(startTime).toISOString(),
      endTime: new Date(endTime).toISOString(),
      ...(killedBy === undefined ? {} : { signal: killedBy }),
      ...(cancelledBy === undefined ? {} : { cancelledBy }),
      ...(notStarted === undefined ? {} : { notStarted }),
    },
  };
}

/** `undefined` where the command ended well, or its reports tell why it did not. */
export function outcomeResult(
  outcome: CommandOutcome,
  counts: Counts | undefined,
  variant: Readonly<Record<string, string>>,
): TestResultMessage | undefined {
  const { exitCode, killedBy } = outcome;
  if (exitCode === 0) return undefined;
  if (killedBy === undefined && counts !== undefined && hasFailures(counts)) return undefined;
  const said = `the command ${describeEnd(outcome)}`;
  return {
    testId: COMMAND_TEST_ID,
    resultId: 'command',
    variant: { def: { ...variant } },
    status: outcome.cancelledBy === undefined ? TestStatus.CRASH : TestStatus.ABORT,
    expected: false,
    summaryHtml: summaryHtmlOf(said),
    failureReason: { primaryErrorMessage: shortenTo(said, MAX_ERROR_MESSAGE_BYTES) },
    tags: [{ key: 'kind', value: 'not_a_test' }],
  };
}

/** `ended with 7`, `was killed by SIGKILL`. */
export function describeEnd({ exitCode, killedBy, notStarted }: CommandOutcome): string {
  if (notStarted !== undefined) return `did not start: ${notStarted}`;
  return killedBy === undefined ? `ended with ${exitCode}` : `was killed by ${killedBy}`;
}

function hasFailures({ errored, failed, otherFailures }: Counts): boolean {
  return failed + errored + otherFailures > 0;
}
