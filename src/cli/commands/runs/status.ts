import { Command } from 'commander';
import { type Invocation, Invocation_State } from '../../../gen/luci/resultdb/v1/invocation_pb.js';
import { Export_State } from '../../../gen/postlude/v1/exports_pb.js';
import type { Blocker } from '../../../gen/postlude/v1/invocations_pb.js';
import { addGlobalOptions, type CommandMaker, outputOf, progressOf } from '../../command.ts';
import { type Connection, connect } from '../../connection/connection.ts';
import { invocationId, invocationName, parseInvocation } from '../../invocation-argument.ts';
import { countOf } from '../../terminal/count.ts';
import {
  describeCommand,
  describeEnding,
  endValue,
  invocationValue,
  isoTime,
} from '../../terminal/describe.ts';
import { describeExport, type ExportValue, exportValue } from '../../terminal/describe-export.ts';
import { countedTotals, describeTotals, type Totals } from '../../totals.ts';
import { watchUntilFinalized } from '../../watch.ts';

export const statusCommand: CommandMaker = (context) =>
  addGlobalOptions(
    new Command('status')
      .description(
        'print the state of an invocation, and count its results and those of all it includes',
      )
      .argument('<invocation>', 'the invocation', parseInvocation)
      .option('-w, --watch', 'wait until it is FINALIZED, then print'),
  ).action(async (id: string, options: { readonly watch?: boolean }, command: Command) => {
    const connection = connect(context, command);
    const invocation = options.watch
      ? await watchUntilFinalized(
          {
            context,
            connection,
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
    const totals = await countedTotals(connection, id);
    const exports = await openExports(connection, invocation);
    outputOf(context, command).result(
      {
        ...invocationValue(invocation),
        ...(own ? lifeValue(own) : {}),
        ...(totals ? { totals } : {}),
        ...(exports.length === 0 ? {} : { openExports: exports }),
      },
      () => [
        ...describe(invocation, { own, totals }),
        ...exports.map((one) => `  export    ${describeExport(one)}`),
      ],
    );
  });

/** Returns the exports of an invocation that is over, as far as they are not done. */
export async function openExports(
  { exports, retry }: Pick<Connection, 'exports' | 'retry'>,
  { name, state }: Pick<Invocation, 'name' | 'state'>,
): Promise<readonly ExportValue[]> {
  if (state !== Invocation_State.FINALIZED) return [];
  const listed = await retry(() => exports.listExports({ name }));
  return listed.exports.filter((one) => one.state !== Export_State.DONE).map(exportValue);
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

function describe(
  invocation: Invocation,
  { own, totals }: { readonly own: Blocker | undefined; readonly totals: Totals | undefined },
): string[] {
  const id = invocationId(invocation.name);
  const includes = invocation.includedInvocations.length;
  const ending = own && describeEnding(own);
  const tags = invocation.tags.map(({ key, value }) => `${key}:${value}`);
  const command = describeCommand(invocation);
  return [
    `${id} is ${Invocation_State[invocation.state]}${own?.isExpected ? ' (expected, not begun)' : ''}`,
    ...(ending === undefined ? [] : [`  ended     ${ending}`]),
    `  created   ${isoTime(invocation.createTime) ?? '?'} by ${invocation.createdBy}`,
    `  finalized ${isoTime(invocation.finalizeTime) ?? 'not yet'}`,
    `  includes  ${countOf(includes, 'invocation')}`,
    ...(own && own.lastAttempt > 1 ? [`  attempt   ${own.attempt} of ${own.lastAttempt}`] : []),
    ...(totals === undefined ? [] : [`  results   ${describeTotals(totals)}`]),
    ...(command === undefined ? [] : [`  command   ${command}`]),
    ...(tags.length === 0 ? [] : [`  tags      ${tags.join(' ')}`]),
  ];
}
