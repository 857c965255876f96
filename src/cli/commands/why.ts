import { Command } from 'commander';
import { addGlobalOptions, type CommandMaker, outputOf } from '../command.ts';
import { connect } from '../connection.ts';
import { CliError } from '../context.ts';
import { describeExplanation, explanationValue } from '../describe.ts';
import { invocationName, parseInvocation } from '../invocation-argument.ts';

export const whyCommand: CommandMaker = (context) =>
  addGlobalOptions(
    new Command('why')
      .description('say why an invocation is not over: the chain down to who holds it up')
      .argument('<invocation>', 'what to explain', parseInvocation),
  ).action(async (id: string, _options: unknown, command: Command) => {
    const { invocations } = connect(context, command);
    const { explanation } = await invocations.explainInvocation({ name: invocationName(id) });
    if (explanation === undefined) throw new CliError('the server answered no explanation');
    outputOf(context, command).result({ invocation: id, ...explanationValue(explanation) }, () =>
      describeExplanation(id, explanation),
    );
  });
