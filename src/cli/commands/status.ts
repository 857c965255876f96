import type { JsonValue } from '@bufbuild/protobuf';
import { Command } from 'commander';
import { type Invocation, Invocation_State } from '../../gen/luci/resultdb/v1/invocation_pb.js';
import type { Blocker } from '../../gen/postlude/v1/invocations_pb.js';
import { addGlobalOptions, type CommandMaker, outputOf, progressOf } from '../command.ts';
import { type Connection, connect } from '../connection.ts';
import { type CliContext, CliError } from '../context.ts';
import { countOf } from '../count.ts';
import {
  describeEnding,
  describeExplanation,
  endValue,
  invocationValue,
  isoTime,
} from '../describe.ts';
import { invocationName, parseInvocation } from '../invocation-argument.ts';
import type { Output } from '../output.ts';
import type { Progress } from '../progress.ts';
import { isTransientRpcError } from '../rpc-errors.ts';

const RECONNECT_MS = 1_000;
/** A watch may be silent for hours; after so long, we see whether its server is still there. */
const WATCH_MS = 10 * 60_000;

export const statusCommand: CommandMaker = (context) =>
  addGlobalOptions(
    new Command('status')
      .description('print the state of an invocation')
      .argument('<invocation>', 'which one', parseInvocation)
      .option('-w, --watch', 'wait until it is FINALIZED, then print'),
  ).action(async (id: string, options: { readonly watch?: boolean }, command: Command) => {
    const connection = connect(context, command);
    const invocation = options.watch
      ? await watchUntilFinalized(
          {
            ...{ context, connection },
            output: outputOf(context, command),
            progress: progressOf(context, command),
          },
          id,
        )
      : await connection.resultDb.getInvocation({ name: invocationName(id) });
    const { explanation } = await connection.invocations.explainInvocation({
      name: invocationName(id),
    });
    const own = explanation?.chain[0];
    outputOf(context, command).result(
      { ...invocationValue(invocation), ...(own ? lifeValue(own) : {}) },
      () => describe(invocation, id, own),
    );
  });

interface Watch {
  readonly context: CliContext;
  readonly connection: Connection;
  readonly output: Output;
  readonly progress: Progress;
}

/** Goes on through a restart of the server; but one that is away from the start is a mistake. */
async function watchUntilFinalized(watch: Watch, id: string): Promise<Invocation> {
  const { context, connection, output, progress } = watch;
  const now = await finalizedNow(connection, id);
  if (now !== undefined) return now;
  let isTold = false;
  while (!context.signal.aborted) {
    try {
      const finalized = (await watchOnce(watch, id)) ?? (await finalizedNow(connection, id));
      progress.clear();
      if (finalized !== undefined) return finalized;
    } catch (error) {
      if (context.signal.aborted) break;
      if (!isTransientRpcError(error)) throw error;
      progress.clear();
      if (!isTold) output.note('the server is away; trying until it is back');
      isTold = true;
      await context.clock.sleep(RECONNECT_MS, context.signal);
    }
  }
  throw new CliError(`stopped; ${id} is not over yet`);
}

async function finalizedNow({ resultDb }: Connection, id: string): Promise<Invocation | undefined> {
  const invocation = await resultDb.getInvocation({ name: invocationName(id) });
  return invocation.state === Invocation_State.FINALIZED ? invocation : undefined;
}

async function watchOnce(watch: Watch, id: string): Promise<Invocation | undefined> {
  const { connection, progress } = watch;
  const name = invocationName(id);
  // Not a deadline of the call: its timer would outlive a stream that we leave, and hold the process.
  const signal = AbortSignal.timeout(WATCH_MS);
  const stream = connection.invocations.watchInvocation({ name }, { timeoutMs: 0, signal });
  try {
    for await (const { invocation, explanation } of stream) {
      if (invocation?.state === Invocation_State.FINALIZED) return invocation;
      if (explanation !== undefined) {
        progress.update(describeExplanation(id, explanation).replaceAll(/\s*\n\s*/g, ' · '));
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return undefined;
}

function lifeValue(own: Blocker) {
  return {
    attempt: own.attempt,
    lastAttempt: own.lastAttempt,
    ...(own.state === Invocation_State.ACTIVE ? { activeUntil: isoTime(own.activeUntil) } : {}),
    ...(own.isExpected ? { isExpected: true } : {}),
    ...endValue(own),
  };
}

function describe(invocation: Invocation, id: string, own: Blocker | undefined): string {
  const includes = invocation.includedInvocations.length;
  const ending = own && describeEnding(own);
  const tags = invocation.tags.map(({ key, value }) => `${key}:${value}`);
  const command = describeCommand(invocation.properties?.command);
  return [
    `${id} is ${Invocation_State[invocation.state]}${own?.isExpected ? ' (expected, not begun)' : ''}`,
    ...(ending === undefined ? [] : [`  ended     ${ending}`]),
    `  created   ${isoTime(invocation.createTime) ?? '?'} by ${invocation.createdBy}`,
    `  finalized ${isoTime(invocation.finalizeTime) ?? 'not yet'}`,
    `  includes  ${countOf(includes, 'invocation')}`,
    ...(own && own.lastAttempt > 1 ? [`  attempt   ${own.attempt} of ${own.lastAttempt}`] : []),
    ...(command === undefined ? [] : [`  command   ${command}`]),
    ...(tags.length === 0 ? [] : [`  tags      ${tags.join(' ')}`]),
  ].join('\n');
}

/** As `record` leaves it in the properties; anything else is passed over. */
function describeCommand(command: JsonValue | undefined): string | undefined {
  if (typeof command !== 'object' || command === null || Array.isArray(command)) return undefined;
  const { exitCode, file, host, signal } = command;
  const how = signal === undefined ? `ended with ${exitCode}` : `was killed by ${signal}`;
  return `${file} ${how} on ${host}`;
}
