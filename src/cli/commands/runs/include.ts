import { Command } from 'commander';
import { addGlobalOptions, type CommandMaker, outputOf } from '../../command.ts';
import { connect } from '../../connection/connection.ts';
import { updateHeaders } from '../../connection/tokens.ts';
import { collectInvocation, invocationName, parseInvocation } from '../../invocation-argument.ts';

export const includeCommand: CommandMaker = (context) =>
  addGlobalOptions(
    new Command('include')
      .description('make an invocation include others: it is over only when they are')
      .argument('<invocation>', 'the including invocation; it must be ACTIVE', parseInvocation)
      .argument('<included...>', 'the invocations to include; they must exist', collectInvocation)
      .option('--remove', 'stop including them')
      .option('--token <token>', 'its update token, if another client created it'),
  ).action(async (id: string, included: string[], options: IncludeOptions, command: Command) => {
    const connection = connect(context, command);
    const names = included.map(invocationName);
    const headers = await updateHeaders({ context, connection, given: options.token }, id);
    const change = options.remove ? { removeInvocations: names } : { addInvocations: names };
    await connection.retry(() =>
      connection.recorder.updateIncludedInvocations(
        { includingInvocation: invocationName(id), ...change },
        { headers },
      ),
    );
    const verb = options.remove ? 'no longer includes' : 'includes';
    outputOf(context, command).result(
      { invocation: id, [options.remove ? 'removed' : 'included']: included },
      () => `${id} ${verb} ${included.join(', ')}`,
    );
  });

interface IncludeOptions {
  readonly remove?: boolean;
  readonly token?: string;
}
