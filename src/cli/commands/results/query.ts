import { Command } from 'commander';
import type { Invocation } from '../../../gen/luci/resultdb/v1/invocation_pb.js';
import { type Blocker, EndCause } from '../../../gen/postlude/v1/invocations_pb.js';
import { addGlobalOptions, type CommandMaker, outputOf } from '../../command.ts';
import { type Connection, connect } from '../../connection/connection.ts';
import { CliError, EXIT } from '../../context.ts';
import { invocationName, parseInvocation } from '../../invocation-argument.ts';
import { parseAttempt } from '../../option-values.ts';
import { commandOf, describeCommand, describeEnding, endValue } from '../../terminal/describe.ts';
import { describeTotals, NO_RESULTS, type Totals, withResult } from '../../totals.ts';
import { attemptToRead } from '../../verdicts/assessment.ts';
import { describeResult, PRINTED_FIELDS, resultsOf, resultValue } from '../../verdicts/results.ts';

interface QueryOptions {
  readonly unexpected?: boolean;
  readonly test?: string;
  readonly attempt?: number;
}

const MORE = `
Each result is shown with its variant, the invocation that holds it and, if it is unexpected, the first
line of its failure. The last lines say how the invocation and its command ended. With --json, prints one
result a line, then one line {"totals": …}. A test with both expected and unexpected results is flaky.

Results of a superseded attempt do not count: the results shown are those of the attempts after it. Use
--attempt to see its own.`;

export const queryCommand: CommandMaker = (context) =>
  addGlobalOptions(
    new Command('query')
      .description('list the results of an invocation and of everything it includes')
      .argument('<invocation>', 'the invocation', parseInvocation)
      .option('--unexpected', 'only tests that have an unexpected result')
      .option('--test <regexp>', 'only tests whose whole id matches (RE2 syntax)')
      .option('--attempt <number>', 'an attempt at it, even a superseded one', parseAttempt)
      .addHelpText('after', MORE),
  ).action(async (given: string, options: QueryOptions, command: Command) => {
    const connection = connect(context, command);
    const output = outputOf(context, command);
    const queried = await lookUp(connection, given, options);
    let totals = NO_RESULTS;
    const query = { ...options, fields: PRINTED_FIELDS, own: queried.isOwn };
    for await (const result of resultsOf(connection, queried.id, query)) {
      if (!output.hasReader) return;
      totals = withResult(totals, result);
      output.result(resultValue(result), () => describeResult(output, result));
    }
    output.result({ totals, ...endingsOf(queried) }, () => describe(totals, queried));
  });

interface Queried {
  readonly id: string;
  readonly invocation: Invocation;
  readonly life: Blocker | undefined;
  /** The attempt was superseded, and the user wants its own results, which do not count. */
  readonly isOwn: boolean;
}

async function lookUp(
  connection: Connection,
  given: string,
  { attempt, test, unexpected }: QueryOptions,
): Promise<Queried> {
  const id =
    attempt === undefined ? given : await attemptToRead(connection, { id: given, attempt });
  const name = invocationName(id);
  const { explanation } = await connection.invocations.explainInvocation({ name });
  const life = explanation?.chain[0];
  const isOwn = attempt !== undefined && life?.endCause === EndCause.SUPERSEDED;
  if (isOwn && (unexpected || test !== undefined)) {
    throw new CliError(
      `${id} was superseded: its results cannot be filtered with --unexpected or --test`,
      EXIT.badInput,
    );
  }
  return { id, life, isOwn, invocation: await connection.resultDb.getInvocation({ name }) };
}

function endingsOf({ invocation, isOwn, life }: Queried) {
  const command = commandOf(invocation);
  return {
    ...(isOwn ? { superseded: true } : {}),
    ...(life ? endValue(life) : {}),
    ...(command ? { command } : {}),
  };
}

function describe(totals: Totals, { id, invocation, isOwn, life }: Queried): string[] {
  const ending = life && describeEnding(life);
  const command = describeCommand(invocation);
  return [
    describeTotals(totals),
    ...(isOwn ? ['superseded: these results do not count'] : []),
    ...(ending === undefined ? [] : [`${id}: ${ending}`]),
    ...(command === undefined ? [] : [`${id}: ${command}`]),
  ];
}
