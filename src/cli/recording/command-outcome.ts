/**
 * Records how a command ended: in the properties of its invocation and, if the reports do not show the
 * failure, as an unexpected result. So a run whose runner crashed after its tests, or between two report
 * files, is not green.
 */
import { hostname } from 'node:os';
import type { JsonObject } from '@bufbuild/protobuf';
import type { EpochMs } from '@postlude/queue/foundations';
import { TestStatus } from '../../gen/luci/resultdb/v1/test_result_pb.js';
import type { Counts } from '../../ingest/report.ts';
import type { TestResultMessage } from '../../ingest/results/result-batch.ts';
import { summaryHtmlOf } from '../../ingest/results/summary-html.ts';
import { shortenTo } from '../../ingest/results/test-id.ts';
import { MAX_ERROR_MESSAGE_BYTES } from '../../results/limits.ts';
import { type CommandEnd, signalOf } from '../process/spawn.ts';

export const COMMAND_TEST_ID = 'postlude/command';

export interface CommandOutcome extends CommandEnd {
  /** The program without its arguments, which may hold secrets. */
  readonly file: string;
  readonly startTime: EpochMs;
  readonly endTime: EpochMs;
  /** The signal that told us to stop. */
  readonly cancelledBy?: NodeJS.Signals | undefined;
  /** Says why the command could not be started. */
  readonly notStarted?: string | undefined;
}

/**
 * Counts the command as cancelled also if our signal comes only after the command has failed: a CI system
 * that cancels a job may signal the processes that we have started before it signals us. `cancelledBy` is
 * a getter, so that a signal counts until the end has been sent.
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

/** Builds the properties of the invocation. */
export function outcomeProperties(outcome: CommandOutcome): JsonObject {
  const { cancelledBy, endTime, exitCode, file, killedBy, notStarted, startTime } = outcome;
  return {
    command: {
      file,
      exitCode,
      host: hostname(),
      startTime: new Date(startTime).toISOString(),
      endTime: new Date(endTime).toISOString(),
      ...(killedBy === undefined ? {} : { signal: killedBy }),
      ...(cancelledBy === undefined ? {} : { cancelledBy }),
      ...(notStarted === undefined ? {} : { notStarted }),
    },
  };
}

/** Returns `undefined` if the command succeeded, or if its results show why it did not. */
export function outcomeResult(
  outcome: CommandOutcome,
  results: { readonly counts: Counts; readonly unexpected: number },
  variant: Readonly<Record<string, string>>,
): TestResultMessage | undefined {
  const { exitCode, killedBy } = outcome;
  if (exitCode === 0) return undefined;
  const isShown = results.unexpected > 0 || hasFailures(results.counts);
  if (killedBy === undefined && isShown) return undefined;
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

/** Returns, for example, `ended with 7` or `was killed by SIGKILL`. */
export function describeEnd({ exitCode, killedBy, notStarted }: CommandOutcome): string {
  if (notStarted !== undefined) return `did not start: ${notStarted}`;
  return killedBy === undefined ? `ended with ${exitCode}` : `was killed by ${killedBy}`;
}

function hasFailures({ errored, failed, otherFailures }: Counts): boolean {
  return failed + errored + otherFailures > 0;
}
