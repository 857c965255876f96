/**
 * Decides which executions of one name are attempts of one test, and which are namesakes.
 */
import type { ExecutionOutcome } from '../execution.ts';
import type { ExecutionFacts, Grouping, Placement } from '../report.ts';

interface Test {
  readonly ordinal: number;
  round: number;
  attempts: number;
  outcome: ExecutionOutcome;
}

/** The number of latest tests that are searched; only hostile reports have more namesakes in flight. */
const MAX_NAMESAKES_TRIED = 1000;

/**
 * Uses the rounds that the reader has found. An execution of the first round is a new test. One of a later
 * round is a further attempt of the latest test that was not in that round yet, preferably of one that has
 * not passed.
 */
export const byRounds: Grouping = {
  spansFiles: false,
  place: (executions) => {
    const tests: Test[] = [];
    return executions.map((facts) => placeByRound(tests, facts));
  },
};

function placeByRound(tests: Test[], { round, outcome }: ExecutionFacts): Placement {
  const known = round === 1 ? undefined : awaiting(tests, round);
  const test = known ?? { ordinal: tests.length, round, attempts: 0, outcome };
  if (!known) tests.push(test);
  test.round = round;
  test.attempts += 1;
  test.outcome = outcome;
  return { test: test.ordinal, attempt: test.attempts, outcome };
}

function awaiting(tests: readonly Test[], round: number): Test | undefined {
  const latest = tests.slice(-MAX_NAMESAKES_TRIED).filter((test) => test.round < round);
  return latest.findLast(({ outcome }) => outcome !== 'pass') ?? latest.at(-1);
}
