import { chunk, forEachLimit } from '@postlude/queue/foundations';
import { Command } from 'commander';
import { Invocation_State } from '../../../gen/luci/resultdb/v1/invocation_pb.js';
import { UPDATE_TOKEN_HEADER } from '../../../services/shared/call-context.ts';
import { addGlobalOptions, type CommandMaker, outputOf } from '../../command.ts';
import { type Connection, connect } from '../../connection/connection.ts';
import { type TokenSource, updateHeaders } from '../../connection/tokens.ts';
import { type CliContext, CliError, EXIT } from '../../context.ts';
import { collectInvocation, invocationName } from '../../invocation-argument.ts';

const BATCH = 500;
/** Invocations whose tokens are asked for at the same time. */
const TOKENS_AT_ONCE = 8;

export const finalizeCommand: CommandMaker = (context) =>
  addGlobalOptions(
    new Command('finalize')
      .description('mark invocations as complete; safe to repeat')
      .argument('<invocation...>', 'the invocations', collectInvocation)
      .option('--token <token>', 'the update token of a single one that another client created')
      .addHelpText(
        'after',
        '\nOne becomes FINALIZED once everything it includes is FINALIZED: "postlude status ID --watch" waits\nfor that, and "postlude why ID" says what is missing.',
      ),
  ).action(async (given: string[], options: FinalizeOptions, command: Command) => {
    const ids = [...new Set(given)];
    const { token } = options;
    if (token !== undefined && ids.length > 1) {
      throw new CliError('--token is for one invocation, and there are several', EXIT.badInput);
    }
    const connection = connect(context, command);
    const output = outputOf(context, command);
    const [id = ''] = ids;
    const finalized =
      ids.length === 1
        ? [await finalizeOne({ context, connection, given: token }, id)]
        : await finalizeAll(context, connection, ids);
    for (const each of finalized) {
      output.result(each, () => `${each.invocation} is ${each.state}`);
    }
  });

interface FinalizeOptions {
  readonly token?: string;
}

interface Finalized {
  readonly invocation: string;
  readonly state: string;
}

/** Servers of LUCI's API alone have this, too. */
async function finalizeOne(source: TokenSource, id: string): Promise<Finalized> {
  const { connection } = source;
  const headers = await updateHeaders(source, id);
  const { state } = await connection.retry(() =>
    connection.recorder.finalizeInvocation({ name: invocationName(id) }, { headers }),
  );
  return { invocation: id, state: Invocation_State[state] };
}

/** Nothing is finalized unless there is a token for each. */
async function finalizeAll(
  context: CliContext,
  connection: Connection,
  ids: readonly string[],
): Promise<Finalized[]> {
  const tokens = new Map<string, string>();
  await forEachLimit(ids, TOKENS_AT_ONCE, async (id) => {
    const headers = await updateHeaders({ context, connection, given: undefined }, id);
    tokens.set(id, headers[UPDATE_TOKEN_HEADER] ?? '');
  });
  const finalized: Finalized[] = [];
  for (const some of chunk(ids, BATCH)) {
    const requests = some.map((id) => {
      return { name: invocationName(id), updateToken: tokens.get(id) ?? '' };
    });
    const headers = { [UPDATE_TOKEN_HEADER]: requests[0]?.updateToken ?? '' };
    const { states } = await connection.retry(() =>
      connection.invocations.batchFinalizeInvocations({ requests }, { headers }),
    );
    for (const [index, invocation] of some.entries()) {
      finalized.push({ invocation, state: Invocation_State[states[index] ?? 0] ?? '' });
    }
  }
  return finalized;
}
