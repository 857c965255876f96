import { Command } from 'commander';
import { type Export, Export_State } from '../../../gen/postlude/v1/exports_pb.js';
import { addGlobalOptions, type CommandMaker, outputOf, progressOf } from '../../command.ts';
import { type Connection, connect } from '../../connection/connection.ts';
import { CliError } from '../../context.ts';
import { invocationName, parseInvocation } from '../../invocation-argument.ts';
import { collectTarget, type ExportTarget } from '../../new-invocation.ts';
import { countOf } from '../../terminal/count.ts';
import type { Output } from '../../terminal/output.ts';
import { watchUntilFinalized } from '../../watch.ts';

interface ExportOptions {
  readonly to?: readonly ExportTarget[];
  readonly wait?: boolean;
}

/** The pause between two polls doubles from `first` up to `most`. */
const ASK_EVERY_MS = { first: 500, most: 10_000 };

export const exportCommand: CommandMaker = (context) =>
  addGlobalOptions(
    new Command('export')
      .description('list the exports of an invocation and their states, or add more')
      .argument('<invocation>', 'the invocation', parseInvocation)
      .option('--to <p.d.t>', 'also export to project.dataset.table (repeatable)', collectTarget)
      .option('--wait', 'wait until all its exports have ended')
      .addHelpText(
        'after',
        '\nThe invocation must be FINALIZED for --to. Safe to repeat: each destination gets one export.\nExits with 1 if an export is dead; "postlude tasks redrive --type bq_export" retries it.',
      ),
  ).action(async (id: string, options: ExportOptions, command: Command) => {
    const connection = connect(context, command);
    const ask = (): Promise<Export[]> => exportsOf(connection, id, options.to ?? []);
    const progress = progressOf(context, command);
    const output = outputOf(context, command);
    let exports = await ask();
    if (options.wait && exports.some(({ state }) => state === Export_State.WAITING)) {
      await watchUntilFinalized({ context, connection, output, progress }, id);
      exports = await connection.retry(ask);
    }
    let pauseMs = ASK_EVERY_MS.first;
    while (options.wait && exports.some(isUnderWay)) {
      if (context.signal.aborted) throw new CliError(`stopped; the exports of ${id} continue`);
      progress.update(`waiting for ${countOf(exports.filter(isUnderWay).length, 'export')}`);
      await context.clock.sleep(pauseMs, context.signal);
      pauseMs = Math.min(pauseMs * 2, ASK_EVERY_MS.most);
      exports = await connection.retry(ask);
    }
    progress.clear();
    report(output, id, exports);
  });

/** Lists the exports of the invocation, or adds an export to each of `targets` and returns those. */
async function exportsOf(
  connection: Connection,
  id: string,
  targets: readonly ExportTarget[],
): Promise<Export[]> {
  const name = invocationName(id);
  if (targets.length === 0) return (await connection.exports.listExports({ name })).exports;
  const answers = await Promise.all(
    targets.map((target) =>
      connection.exports.exportInvocation({
        name,
        destination: { ...target, testResults: {} },
      }),
    ),
  );
  return answers.flatMap((answer) => answer.export ?? []);
}

function isUnderWay({ state }: Export): boolean {
  return state === Export_State.WAITING || state === Export_State.PENDING;
}

function report(output: Output, id: string, exports: readonly Export[]): void {
  const values = exports.map((one) => ({
    destination: targetOf(one),
    state: Export_State[one.state],
    ...(one.location === ''
      ? {}
      : { location: one.location, rows: Number(one.rows), sha256: one.sha256 }),
    ...(one.reason === '' ? {} : { reason: one.reason }),
  }));
  output.result({ invocation: id, exports: values }, () =>
    values.length === 0
      ? `${id} has no exports: add one with --to project.dataset.table`
      : values
          .map(({ destination, state, location, rows, reason }) =>
            [`${destination}: ${state}`, location && `${rows} rows in ${location}`, reason]
              .filter((part) => part !== undefined)
              .join('  '),
          )
          .join('\n'),
  );
  const dead = exports.filter(({ state }) => state === Export_State.DEAD);
  if (dead.length > 0) throw new CliError(`dead: ${dead.map(targetOf).join(', ')}`);
}

function targetOf({ destination }: Export): string {
  const { project = '', dataset = '', table = '' } = destination ?? {};
  return `${project}.${dataset}.${table}`;
}
