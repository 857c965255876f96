import { Command } from 'commander';
import type { Invocation } from '../../../gen/luci/resultdb/v1/invocation_pb.js';
import { addGlobalOptions, type CommandMaker, outputOf } from '../../command.ts';
import { connect } from '../../connection/connection.ts';
import { CliError } from '../../context.ts';
import { invocationName, parseInvocation } from '../../invocation-argument.ts';
import {
  commandOf,
  describeCommand,
  describeExplanation,
  explanationValue,
} from '../../terminal/describe.ts';

export const whyCommand: CommandMaker = (context) =>
  addGlobalOptions(
    new Command('why')
      .description('explain why an invocation is not over: the chain down to what it waits for')
      .argument('<invocation>', 'the invocation', parseInvocation),
  ).action(async (id: string, _options: unknown, command: Command) => {
    const { invocations, resultDb } = connect(context, command);
    const name = invocationName(id);
    const { explanation } = await invocations.explainInvocation({ name });
    if (explanation === undefined) throw new CliError('the server returned no explanation');
    const invocation = await resultDb.getInvocation({ name });
    const ran = commandOf(invocation);
    outputOf(context, command).result(
      { invocation: id, ...explanationValue(explanation), ...(ran ? { command: ran } : {}) },
      () => [...describeExplanation(id, explanation), ...commandLine(invocation)],
    );
  });

function commandLine(invocation: Invocation): string[] {
  const described = describeCommand(invocation);
  return described === undefined ? [] : [`  command: ${described}`];
}
