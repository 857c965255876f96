import { Command } from 'commander';
import { Invocation_State } from '../../../gen/luci/resultdb/v1/invocation_pb.js';
import { addGlobalOptions, type CommandMaker, outputOf } from '../../command.ts';
import { type Connection, connect } from '../../connection/connection.ts';
import { invocationName, parseInvocation } from '../../invocation-argument.ts';
import { parseAttempt, parseLimit } from '../../option-values.ts';
import type { Output } from '../../terminal/output.ts';
import {
  type Assessment,
  assess,
  attemptToRead,
  readProblems,
  readTests,
  type TestGroup,
} from '../../verdicts/assessment.ts';
import {
  describeProblemResult,
  describeTest,
  describeVerdicts,
  testsOf,
} from '../../verdicts/describe-verdicts.ts';
import { isNoTest, PRINTED_FIELDS, resultsOf, resultValue } from '../../verdicts/results.ts';
import type { Verdict } from '../../verdicts/verdicts.ts';

interface ShowOptions {
  readonly attempt?: number;
  readonly limit: number;
}

const MORE = `
Each test gets one verdict for each variant, over all attempts: expected (all went as expected), skipped
(none ran), flaky (only some went as expected), unexpected (none did), or exonerated. Failures that are
not of a test, such as a command that was killed, are listed as problems if they are of the newest attempt.

With --json, prints the results of each test that is not simply expected, one a line, with its verdict;
then each problem; then one line {"summary": …}.`;

export const showCommand: CommandMaker = (context) =>
  addGlobalOptions(
    new Command('show')
      .description('show the outcome of a run: tests by verdict, which failed, and why')
      .argument('<run>', 'the run', parseInvocation)
      .option('--attempt <number>', 'an attempt at the run (default: the newest)', parseAttempt)
      .option(
        '--limit <n>',
        'how many tests of each verdict to show (not with --json)',
        parseLimit,
        50,
      )
      .addHelpText('after', MORE),
  ).action(async (given: string, options: ShowOptions, command: Command) => {
    const connection = connect(context, command);
    const output = outputOf(context, command);
    const id = await attemptToRead(connection, { id: given, attempt: options.attempt });
    const { state } = await connection.resultDb.getInvocation({ name: invocationName(id) });
    const run = {
      id,
      state: Invocation_State[state] ?? '',
      assessment: await assess(connection, id),
    };
    if (output.isJson) await printJson(connection, output, run);
    else await printText(connection, output, { ...run, limit: options.limit });
  });

interface Run {
  readonly id: string;
  readonly state: string;
  readonly assessment: Assessment;
}

async function printJson(
  connection: Connection,
  output: Output,
  { assessment, id, state }: Run,
): Promise<void> {
  const { counts, problems, results, verdicts } = assessment;
  const fields = [...PRINTED_FIELDS, 'summary_html', 'test_metadata'];
  for await (const result of resultsOf(connection, id, { fields })) {
    if (!output.hasReader) return;
    const verdict = isNoTest(result) ? undefined : verdicts.of(result);
    if (verdict === undefined || verdict === 'expected') continue;
    const { summaryHtml, testMetadata } = result;
    const more = { summaryHtml, ...(testMetadata ? { fullName: testMetadata.name } : {}) };
    output.result({ verdict, ...resultValue(result), ...more }, () => '');
  }
  for (const problem of await readProblems(connection, problems)) {
    const { summaryHtml } = problem;
    output.result({ problem: true, ...resultValue(problem), summaryHtml }, () => '');
  }
  const summary = { invocation: id, state, tests: testsOf(counts), results, verdicts: counts };
  output.result({ summary: { ...summary, problems: problems.length } }, () => '');
}

const SHOWN: readonly Verdict[] = ['unexpected', 'flaky', 'exonerated'];

async function printText(
  connection: Connection,
  output: Output,
  { assessment, id, limit, state }: Run & { readonly limit: number },
): Promise<void> {
  const problems = await readProblems(connection, assessment.problems.slice(0, limit));
  const tests = await readTests(connection, id, { assessment, verdicts: SHOWN, limit });
  const sections = SHOWN.flatMap((verdict) =>
    sectionOf(output, verdict, { counts: assessment.counts, tests }),
  );
  const lines = [
    `${id} is ${state}${state === 'FINALIZED' ? '' : ': it is not over yet; these are the results so far'}`,
    describeVerdicts(assessment),
    ...(problems.length === 0
      ? []
      : heading(output, 'PROBLEMS', { count: assessment.problems.length, shown: limit })),
    ...problems.map(describeProblemResult),
    ...sections,
  ];
  output.result(undefined, () => lines);
}

function sectionOf(
  output: Output,
  verdict: Verdict,
  { counts, tests }: Pick<Assessment, 'counts'> & { readonly tests: readonly TestGroup[] },
): string[] {
  const own = tests.filter((test) => test.verdict === verdict);
  if (own.length === 0) return [];
  return [
    ...heading(output, verdict.toUpperCase(), { count: counts[verdict], shown: own.length }),
    ...own.flatMap((test) => describeTest(output, test)),
  ];
}

function heading(
  output: Output,
  title: string,
  { count, shown }: { readonly count: number; readonly shown: number },
): string[] {
  const some = count > shown ? ` (the first ${shown} of ${count})` : '';
  return ['', `${output.style('bold', title)}${some}`];
}
