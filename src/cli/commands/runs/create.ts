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
If you run create again, it adds whatever you ask for that is not there yet. If the invocation is already
complete and lacks something, create fails and says what; --next-attempt begins another attempt at the
run instead.

For each --include and --expect, the newest attempt is included. An expected invocation need not exist
yet: the run waits for it, "postlude why" names it, and if nobody records it in time, the run gets an
unexpected result that says so.

Other commands find the update token by themselves; --json prints it for other clients.`;

export const createCommand: CommandMaker = (context) =>
  addGlobalOptions(
    addExpectOptions(
      addNewInvocationOptions(
        new Command('create')
          .description('create an invocation, or add to it; safe to repeat')
          .argument('[invocation]', 'its id (default: a generated one)', parseInvocation)
          .option('--finalize', 'mark it complete as it is, for example as the parent of shards')
          .option(
            '--next-attempt',
            'if it is complete and lacks something, begin the next attempt',
          ),
      ),
    ).addHelpText('after', MORE),
  ).action(async (given: string | undefined, options: CreateOptions, command: Command) => {
    const more = {
      expectedInvocations: await expectedInvocations(context, options),
      finalize: options.finalize ?? false,
      allowNextAttempt: options.nextAttempt ?? false,
    };
    const opened = await openInvocation(context, connect(context, command), {
      id: given ?? generatedInvocationId(),
      options,
      more,
    });
    const id = invocationId(opened.invocation.name);
    const state = Invocation_State[opened.invocation.state];
    outputOf(context, command).result(
      { invocation: id, attempt: opened.attempt, state, updateToken: opened.token },
      () => `${id} is ${state}`,
    );
  });
