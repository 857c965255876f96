/**
 * Lists the reports that cannot yield their runner's own counts, with the exact counts that they yield, and why.
 */
import type { Counts } from '../src/ingest/report.ts';

interface Explanation {
  readonly counts: Counts;
  readonly why: string;
}

export const EXPLAINED: Readonly<Record<string, Explanation>> = {
  'cargo-nextest/synth-no-retry': {
    counts: counts(21, 8, 13, 0, 0, 0, 0),
    why: 'the file hides tests that were not run: the 2 ignored ones are not written',
  },
  'cargo-nextest/synth-retries': {
    counts: counts(21, 10, 11, 0, 0, 2, 0),
    why: 'the file hides tests that were not run: the 2 ignored ones are not written',
  },
  'go-junit-report/synth-gotest-json-parser': {
    counts: counts(50, 33, 14, 0, 3, 0, 2),
    why:
      'output that imitates go test became 2 more failing tests in the file; the runner counts ' +
      '3 broken packages as failures and 2 lines of a build as errors, which are no tests',
  },
  'go-test/synth-all-outcomes': {
    counts: counts(48, 33, 12, 0, 3, 0, 2),
    why:
      'the runner counts 3 broken packages as failures and 2 lines of a build as errors, which ' +
      'are no tests, and takes them off the passed ones',
  },
  'jest/synth-all-outcomes': {
    counts: counts(37, 17, 15, 0, 5, 0, 1),
    why: 'the file hides that a test is a todo or passed on a retry: both look like any pass',
  },
  'mocha/synth-all-outcomes': {
    counts: counts(30, 13, 12, 0, 5, 0, 0),
    why: 'the file hides the attempts before the last, so that a test passed on a retry',
  },
  'node-test/synth-basic': {
    counts: counts(38, 17, 14, 0, 7, 0, 0),
    why:
      'the file hides 2 tests that have subtests (written as suites), and shows a skipped and an ' +
      'empty suite as tests',
  },
  'pytest/synth-all-outcomes-xunit2': {
    counts: counts(62, 35, 16, 4, 7, 3, 0),
    why:
      'each distinct test once: the runner counts 3 more subtests, and twice a test that failed ' +
      'in its call and in its teardown',
  },
  'tap/tape-qs': {
    counts: counts(1699, 1697, 0, 0, 2, 0, 0),
    why: 'tape counts assertions that it marks with SKIP as passed',
  },
  'vitest/synth-all-outcomes': {
    counts: counts(54, 27, 17, 0, 10, 0, 5),
    why: 'the file hides that a test passed on a retry: it looks like any pass',
  },
};

function counts(...numbers: readonly [number, number, number, number, number, number, number]) {
  const [tests, passed, failed, errored, skipped, flaky, otherFailures] = numbers;
  return { tests, passed, failed, errored, skipped, flaky, otherFailures };
}
