/** Finds the reasons why a run is red. */
import type { TestResult } from '../../gen/luci/resultdb/v1/test_result_pb.js';
import type { Connection } from '../connection/connection.ts';
import { countOf } from '../terminal/count.ts';
import type { Output } from '../terminal/output.ts';
import { type Assessment, readProblems, readTests, type TestGroup } from './assessment.ts';
import { describeProblemResult, describeTest, testsOf } from './describe-verdicts.ts';
import { resultValue } from './results.ts';

export interface GateOptions {
  readonly failOnFlaky?: boolean;
  readonly failOnSkipped?: boolean;
  readonly allowMissing?: boolean;
  readonly allowEmpty?: boolean;
  /** The number of tests and problems of each kind that are shown. */
  readonly limit: number;
}

export interface Reason {
  readonly kind: 'unexpected' | 'problem' | 'missing' | 'flaky' | 'skipped' | 'empty';
  readonly count: number;
  /** For example, `2 tests without an expected result`. */
  readonly message: string;
  readonly tests: readonly TestGroup[];
  readonly problems: readonly TestResult[];
}

/** Returns no reasons if the run is green. */
export async function gateReasons(
  connection: Connection,
  { assessment, id }: { readonly id: string; readonly assessment: Assessment },
  options: GateOptions,
): Promise<Reason[]> {
  const { retry } = connection;
  const { limit } = options;
  const { counts, problems } = assessment;
  const isMissingRed = options.allowMissing !== true;
  const of = (isMissing: boolean) => problems.filter((problem) => problem.isMissing === isMissing);
  const missing = isMissingRed ? of(true) : [];
  const others = of(false);
  const isEmpty = testsOf(counts) === 0 && options.allowEmpty !== true;
  const given: Omit<Reason, 'tests' | 'problems'>[] = [
    reason('unexpected', counts.unexpected, 'without an expected result'),
    reason('flaky', options.failOnFlaky ? counts.flaky : 0, 'flaky'),
    reason('skipped', options.failOnSkipped ? counts.skipped : 0, 'skipped'),
    { kind: 'problem', count: others.length, message: countOf(others.length, 'problem') },
    {
      kind: 'missing',
      count: missing.length,
      message: `${countOf(missing.length, 'expected invocation')} never appeared`,
    },
    { kind: 'empty', count: isEmpty ? 1 : 0, message: 'no test ran' },
  ];
  const red = given.filter(({ count }) => count > 0);
  const verdicts = red
    .map(({ kind }) => kind)
    .filter((kind) => kind === 'unexpected' || kind === 'flaky');
  const query = { assessment, verdicts, limit, retry };
  const tests = verdicts.length === 0 ? [] : await readTests(connection, id, query);
  const read = (some: Assessment['problems']) =>
    readProblems(connection, some.slice(0, limit), retry);
  const told = { problem: await read(others), missing: await read(missing) };
  return red.map((each) => ({
    ...each,
    tests: tests.filter(({ verdict }) => verdict === each.kind),
    problems: each.kind === 'problem' || each.kind === 'missing' ? told[each.kind] : [],
  }));
}

function reason(kind: 'unexpected' | 'flaky' | 'skipped', count: number, what: string) {
  return { kind, count, message: `${countOf(count, 'test')} ${what}` };
}

export function reasonValue({ count, kind, message, problems, tests }: Reason) {
  return {
    kind,
    count,
    message,
    ...(tests.length === 0
      ? {}
      : { tests: tests.map(({ attempts }) => ({ attempts: attempts.map(resultValue) })) }),
    ...(problems.length === 0 ? {} : { problems: problems.map(problemValue) }),
  };
}

function problemValue(problem: TestResult) {
  return { ...resultValue(problem), message: describeProblemResult(problem) };
}

export function describeReason(
  output: Output,
  { count, message, problems, tests }: Reason,
): string[] {
  const shown = [
    ...tests.map((test) => describeTest(output, test)),
    ...problems.map((problem) => [describeProblemResult(problem)]),
  ];
  const isWhole = shown.length === 0 || shown.length === count;
  const rest = isWhole ? [] : [`  … and ${count - shown.length} more`];
  return [output.style('red', message), ...shown.flat().map((line) => `  ${line}`), ...rest];
}
