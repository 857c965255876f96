import { Command } from 'commander';
import { Invocation_State } from '../../gen/luci/resultdb/v1/invocation_pb.js';
import { addGlobalOptions, type CommandMaker, outputOf } from '../command.ts';
import { connect } from '../connection.ts';
import { parseInvocation } from '../invocation-argument.ts';
import {
  addNewInvocationOptions,
  createInvocation,
  generatedInvocationId,
  type NewInvocationOptions,
} from '../new-invocation.ts';

interface CreateOptions extends NewInvocationOptions {
  readonly finalize?: boolean;
}

export const createCommand: CommandMaker = (context) =>
  addGlobalOptions(
    addNewInvocationOptions(
      new Command('create')
        .description('create an invocation; safe to repeat')
        .argument('[invocation]', 'its id (default: one is made up)', parseInvocation)
        .option('--finalize', 'it is complete as it is: the parent of shards, say'),
    ).addHelpText(
      'after',
      '\nOther commands find the update token by themselves; --json prints it for other clients.',
    ),
  ).action(async (given: string | undefined, options: CreateOptions, command: Command) => {
    const id = given ?? generatedInvocationId();
    const { invocation, token } = await createInvocation(context, connect(context, command), {
      id,
      options,
      finalize: options.finalize ?? false,
    });
    const state = Invocation_State[invocation.state];
    outputOf(context, command).result(
      { invocation: id, state, updateToken: token },
      () => `${id} is ${state}`,
    );
  });
