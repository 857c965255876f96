import { Command } from 'commander';
import { type TestResult, TestStatus } from '../../gen/luci/resultdb/v1/test_result_pb.js';
import { addGlobalOptions, type CommandMaker, outputOf } from '../command.ts';
import { connect } from '../connection.ts';
import { countOf } from '../count.ts';
import { parseInvocation } from '../invocation-argument.ts';
import { describeResult, PRINTED_FIELDS, resultsOf, resultValue } from '../results.ts';

interface QueryOptions {
  readonly unexpected?: boolean;
  readonly test?: string;
}

interface Totals {
  results: number;
  unexpected: number;
  readonly byStatus: Record<string, number>;
}

const MORE = `
Each result is shown with its variant, with the invocation that holds it, and, where it is unexpected,
with the first line of why. With --json: one result a line, then one line {"totals": …}. A test that has
both expected and unexpected results is flaky.`;

export const queryCommand: CommandMaker = (context) =>
  addGlobalOptions(
    new Command('query')
      .description('list the results of an invocation and of all that it includes')
      .argument('<invocation>', 'which one', parseInvocation)
      .option('--unexpected', 'only tests that have an unexpected result')
      .option('--test <regexp>', 'only tests whose whole id matches (RE2 syntax)')
      .addHelpText('after', MORE),
  ).action(async (id: string, options: QueryOptions, command: Command) => {
    const connection = connect(context, command);
    const output = outputOf(context, command);
    const totals: Totals = { results: 0, unexpected: 0, byStatus: {} };
    for await (const result of resultsOf(connection, id, { ...options, fields: PRINTED_FIELDS })) {
      if (!output.hasReader) return;
      count(totals, result);
      output.result(resultValue(result), () => describeResult(output, result));
    }
    output.result({ totals }, () => describe(totals));
  });

function count(totals: Totals, result: TestResult): void {
  const status = TestStatus[result.status];
  totals.results += 1;
  totals.unexpected += result.expected ? 0 : 1;
  totals.byStatus[status] = (totals.byStatus[status] ?? 0) + 1;
}

function describe(totals: Totals): string {
  const parts = Object.entries(totals.byStatus).map(([status, number]) => `${number} ${status}`);
  return `${countOf(totals.results, 'result')}: ${parts.join(', ') || 'none'}; ${totals.unexpected} unexpected`;
}
