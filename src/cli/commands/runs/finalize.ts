import { Command } from 'commander';
import { Invocation_State } from '../../../gen/luci/resultdb/v1/invocation_pb.js';
import { addGlobalOptions, type CommandMaker, outputOf } from '../../command.ts';
import { connect } from '../../connection/connection.ts';
import { updateHeaders } from '../../connection/tokens.ts';
import { invocationName, parseInvocation } from '../../invocation-argument.ts';

export const finalizeCommand: CommandMaker = (context) =>
  addGlobalOptions(
    new Command('finalize')
      .description('mark an invocation as complete; safe to repeat')
      .argument('<invocation>', 'the invocation', parseInvocation)
      .option('--token <token>', 'its update token, if another client created it')
      .addHelpText(
        'after',
        '\nIt becomes FINALIZED once everything it includes is FINALIZED: "postlude status ID --watch" waits\nfor that, and "postlude why ID" says what is missing.',
      ),
  ).action(async (id: string, options: { readonly token?: string }, command: Command) => {
    const connection = connect(context, command);
    const headers = await updateHeaders({ context, connection, given: options.token }, id);
    const invocation = await connection.retry(() =>
      connection.recorder.finalizeInvocation({ name: invocationName(id) }, { headers }),
    );
    const state = Invocation_State[invocation.state];
    outputOf(context, command).result({ invocation: id, state }, () => `${id} is ${state}`);
  });
