import { randomHex } from '@postlude/queue/foundations';
import { Command } from 'commander';
import {
  type Export,
  Export_State,
  type RejectedRow,
} from '../../../gen/postlude/v1/exports_pb.js';
import { CLIENT_VARIABLES } from '../../../server/config/client-variables.ts';
import { addGlobalOptions, type CommandMaker, outputOf, progressOf } from '../../command.ts';
import { type Connection, connect } from '../../connection/connection.ts';
import { type CliContext, CliError, EXIT } from '../../context.ts';
import { invocationName, parseInvocation } from '../../invocation-argument.ts';
import { collectTarget, DEFAULT_REALM, type ExportTarget } from '../../new-invocation.ts';
import { countOf } from '../../terminal/count.ts';
import {
  describeExport,
  type ExportValue,
  exportValue,
  targetOf,
} from '../../terminal/describe-export.ts';
import type { Output } from '../../terminal/output.ts';
import { watchUntilFinalized } from '../../watch.ts';
import { describePeriod, exportPeriod, parseTime } from './export-period.ts';

interface ExportOptions {
  readonly to?: readonly ExportTarget[];
  readonly wait?: boolean;
  readonly again?: boolean;
  /** In milliseconds since the epoch. */
  readonly since?: number;
  readonly until?: number;
  readonly table?: readonly ExportTarget[];
  readonly realm?: string;
  readonly rejected?: boolean;
}

type Rejected = ReadonlyMap<number, readonly RejectedRow[]>;

const PAGE_ROWS = 1000;

/** The pause between two polls doubles from `first` up to `most`. */
const ASK_EVERY_MS = { first: 500, most: 10_000 };

export const exportCommand: CommandMaker = (context) =>
  addGlobalOptions(
    new Command('export')
      .description('list the exports of an invocation and their states, or add more')
      .argument('[invocation]', 'the invocation', parseInvocation)
      .option('--to <p.d.t>', 'also export to project.dataset.table (repeatable)', collectTarget)
      .option('--again', 'make exports again that are done, dead or lost')
      .option(
        '--since <time>',
        'make all exports to --table again of runs created since',
        parseTime,
      )
      .option('--until <time>', 'and before this time; now, by default', parseTime)
      .option('--table <p.d.t>', 'the table whose exports to make again', collectTarget)
      .option('--realm <project:realm>', `of this realm ($POSTLUDE_REALM; ${DEFAULT_REALM})`)
      .option('--wait', 'wait until all its exports have ended')
      .option('--rejected', 'also list the rows that their tables have refused, with the reasons')
      .addHelpText(
        'after',
        '\nThe invocation must be FINALIZED for --to. Safe to repeat: each destination gets one export.\nExits with 1 if an export is dead; "postlude tasks redrive --type bq_export" retries it.',
      ),
  ).action(async (id: string | undefined, options: ExportOptions, command: Command) => {
    if (id !== undefined) return await exportOne({ context, command, options, id });
    const { realm = context.env[CLIENT_VARIABLES.realm] ?? DEFAULT_REALM, since, table } = options;
    const [only, ...others] = table ?? [];
    if (since === undefined || only === undefined || others.length > 0) {
      throw new CliError('name an invocation, or give --since and one --table', EXIT.badInput);
    }
    const parts = {
      context,
      connection: connect(context, command),
      progress: progressOf(context, command),
    };
    const period = { realm, fromMs: since, untilMs: options.until, table: only };
    const outcome = await exportPeriod(parts, period, { wait: options.wait ?? false }).finally(() =>
      parts.progress.clear(),
    );
    outputOf(context, command).result(outcome, () => describePeriod(outcome));
  });

interface OneExport {
  readonly context: CliContext;
  readonly command: Command;
  readonly options: ExportOptions;
  readonly id: string;
}

async function exportOne({ command, context, id, options }: OneExport): Promise<void> {
  const connection = connect(context, command);
  const ask = (): Promise<Export[]> => exportsOf(connection, id, options.to ?? []);
  const progress = progressOf(context, command);
  const output = outputOf(context, command);
  let exports = await ask();
  if (options.again) {
    await startAgain(connection, id, exports);
    exports = await ask();
  }
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
  report(output, id, {
    exports,
    rejected: options.rejected ? await rejectedOf(connection, id, exports) : undefined,
  });
}

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

/** Leaves alone what is still under way. */
async function startAgain(
  { exports: calls, retry }: Connection,
  id: string,
  exports: readonly Export[],
): Promise<void> {
  const name = invocationName(id);
  const requestId = randomHex(16);
  for (const each of exports) {
    if (isUnderWay(each)) continue;
    await retry(() => calls.exportAgain({ name, index: each.index, requestId }));
  }
}

/** Lists the rejected rows of each export that has any. */
async function rejectedOf(
  connection: Connection,
  id: string,
  exports: readonly Export[],
): Promise<Rejected> {
  const rejected = new Map<number, readonly RejectedRow[]>();
  for (const { index } of exports) {
    const rows: RejectedRow[] = [];
    let pageToken = '';
    do {
      const request = { name: invocationName(id), index, pageSize: PAGE_ROWS, pageToken };
      const page = await connection.retry(() => connection.exports.listRejectedRows(request));
      rows.push(...page.rows);
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    if (rows.length > 0) rejected.set(index, rows);
  }
  return rejected;
}

function isUnderWay({ state }: Export): boolean {
  return state === Export_State.WAITING || state === Export_State.PENDING;
}

interface Reported {
  readonly exports: readonly Export[];
  /** `undefined` if they were not asked for. */
  readonly rejected: Rejected | undefined;
}

function report(output: Output, id: string, { exports, rejected }: Reported): void {
  const values = exports.map((one) => ({
    ...exportValue(one),
    ...(rejected && { rejectedRows: (rejected.get(one.index) ?? []).map(toRejectedValue) }),
  }));
  output.result({ invocation: id, exports: values }, () =>
    values.length === 0
      ? `${id} has no exports: add one with --to project.dataset.table`
      : values.flatMap(describe),
  );
  const dead = exports.filter(({ state }) => state === Export_State.DEAD);
  if (dead.length > 0) throw new CliError(`dead: ${dead.map(targetOf).join(', ')}`);
}

interface WithRejectedRows extends ExportValue {
  readonly rejectedRows?: readonly ReturnType<typeof toRejectedValue>[];
}

function describe({ rejectedRows = [], ...value }: WithRejectedRows): string[] {
  const lines = rejectedRows.map(({ parent, testId, resultId, reason }) => {
    const names = [parent, testId, resultId].filter((name) => name !== '');
    return `  rejected: ${names.join(' ')}: ${reason}`;
  });
  return [describeExport(value), ...lines];
}

function toRejectedValue({ parent, testId, resultId, reason }: RejectedRow) {
  return { parent, testId, resultId, reason };
}
