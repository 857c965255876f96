import { Command } from 'commander';
import { Invocation_State } from '../../../gen/luci/resultdb/v1/invocation_pb.js';
import { addGlobalOptions, type CommandMaker, outputOf } from '../../command.ts';
import { connect } from '../../connection/connection.ts';
import { addExpectOptions, type ExpectOptions, expectedInvocations } from '../../expected.ts';
import { invocationId, parseInvocation } from '../../invocation-argument.ts';
import {
  addNewInvocationOptions,
  generatedInvocationId,
  type NewInvocationOptions,
  openInvocation,
} from '../../new-invocation.ts';

interface CreateOptions extends NewInvocationOptions, ExpectOptions {
  readonly finalize?: boolean;
  readonly nextAttempt?: boolean;
}

const MORE = `
Repeated, it adds what is asked for and not there yet. Where the invocation is complete and lacks
something, it fails and says what; --next-attempt begins another attempt at the run instead.

Of each --include and --expect, the newest attempt is included. What is expected need not exist: the
run waits for it, "postlude why" names it, and if nobody records it in time, the run gets an
unexpected result that says so.

Other commands find the update token by themselves; --json prints it for other clients.`;

export const createCommand: CommandMaker = (context) =>
  addGlobalOptions(
    addExpectOptions(
      addNewInvocationOptions(
        new Command('create')
          .description('create an invocation, or add to it; safe to repeat')
          .argument('[invocation]', 'its id (default: one is made up)', parseInvocation)
          .option('--finalize', 'it is complete as it is: the parent of shards, say')
          .option('--next-attempt', 'where it is complete and lacks something: begin the next'),
      ),
    ).addHelpText('after', MORE),
  ).action(async (given: string | undefined, options: CreateOptions, command: Command) => {
    const opened = await openInvocation(
      context,
      connect(context, command),
      given ?? generatedInvocationId(),
      options,
      {
        expectedInvocations: await expectedInvocations(context, options),
        finalize: options.finalize ?? false,
        allowNextAttempt: options.nextAttempt ?? false,
      },
    );
    const id = invocationId(opened.invocation.name);
    const state = Invocation_State[opened.invocation.state];
    outputOf(context, command).result(
      { invocation: id, attempt: opened.attempt, state, updateToken: opened.token },
      () => `${id} is ${state}`,
    );
  });
