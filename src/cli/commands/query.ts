import { durationMs } from '@bufbuild/protobuf/wkt';
import { Command } from 'commander';
import { TestResultPredicate_Expectancy } from '../../gen/luci/resultdb/v1/predicate_pb.js';
import { type TestResult, TestStatus } from '../../gen/luci/resultdb/v1/test_result_pb.js';
import { addGlobalOptions, type CommandMaker, outputOf } from '../command.ts';
import { type Connection, connect } from '../connection.ts';
import { countOf } from '../count.ts';
import { invocationName, parseInvocation } from '../invocation-argument.ts';
import type { Output } from '../output.ts';

const PAGE_SIZE = 1_000;

interface QueryOptions {
  readonly unexpected?: boolean;
  readonly test?: string;
}

interface Totals {
  results: number;
  unexpected: number;
  readonly byStatus: Record<string, number>;
}

export const queryCommand: CommandMaker = (context) =>
  addGlobalOptions(
    new Command('query')
      .description('list the results of an invocation and of all that it includes')
      .argument('<invocation>', 'which one', parseInvocation)
      .option('--unexpected', 'only tests that have an unexpected result')
      .option('--test <regexp>', 'only tests whose whole id matches (RE2 syntax)')
      .addHelpText(
        'after',
        '\nWith --json: one result a line, then one line {"totals": …}. A test that has both expected\nand unexpected results is flaky.',
      ),
  ).action(async (id: string, options: QueryOptions, command: Command) => {
    const connection = connect(context, command);
    const output = outputOf(context, command);
    const totals: Totals = { results: 0, unexpected: 0, byStatus: {} };
    for await (const result of resultsOf(connection, id, options)) {
      count(totals, result);
      print(output, result);
    }
    output.result({ totals }, () => describe(totals));
  });

async function* resultsOf(
  connection: Connection,
  id: string,
  options: QueryOptions,
): AsyncGenerator<TestResult> {
  let pageToken = '';
  do {
    const page = await connection.resultDb.queryTestResults({
      invocations: [invocationName(id)],
      predicate: {
        testIdRegexp: options.test ?? '',
        expectancy: options.unexpected
          ? TestResultPredicate_Expectancy.VARIANTS_WITH_UNEXPECTED_RESULTS
          : TestResultPredicate_Expectancy.ALL,
      },
      pageSize: PAGE_SIZE,
      pageToken,
    });
    yield* page.testResults;
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
}

function count(totals: Totals, result: TestResult): void {
  const status = TestStatus[result.status];
  totals.results += 1;
  totals.unexpected += result.expected ? 0 : 1;
  totals.byStatus[status] = (totals.byStatus[status] ?? 0) + 1;
}

function print(output: Output, result: TestResult): void {
  const status = TestStatus[result.status];
  const durationText = result.duration
    ? `${(durationMs(result.duration) / 1000).toFixed(3)} s`
    : '';
  const value = {
    name: result.name,
    testId: result.testId,
    status,
    expected: result.expected,
    ...(result.duration ? { durationMs: durationMs(result.duration) } : {}),
  };
  const style = result.expected ? (status === 'PASS' ? 'green' : 'dim') : 'red';
  output.result(value, () =>
    `${output.style(style, status.padEnd(5))}  ${result.testId}  ${output.style('dim', durationText)}`.trimEnd(),
  );
}

function describe(totals: Totals): string {
  const parts = Object.entries(totals.byStatus).map(([status, number]) => `${number} ${status}`);
  return `${countOf(totals.results, 'result')}: ${parts.join(', ') || 'none'}; ${totals.unexpected} unexpected`;
}
