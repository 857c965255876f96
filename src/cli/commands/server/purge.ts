import { Command } from 'commander';
import type { Deleted } from '../../../retention/deleted.ts';
import type { Config } from '../../../server/config/config.ts';
import { type CommandMaker, outputOf, progressOf } from '../../command.ts';
import type { CliContext } from '../../context.ts';
import { cutWhenStopped } from '../../process/stopping.ts';
import { addServerOptions, configOf } from '../../server-options.ts';
import type { Progress } from '../../terminal/progress.ts';

interface PurgeFlags {
  readonly dryRun?: boolean;
}

/** Rests that are as long as the work: the caller of the command waits for its end. */
const REST = 1;

export const purgeCommand: CommandMaker = (context) =>
  addServerOptions(
    new Command('purge')
      .description('delete what has expired, without a server')
      .option('--dry-run', 'only count what would be deleted')
      .option('--json', 'print the numbers of rows, by table, as JSON')
      .addHelpText(
        'after',
        '\nFor servers with purgeEvery 0s, which leave this to a timer. It may be interrupted, and run beside servers that purge.',
      ),
  ).action(async ({ dryRun = false }: PurgeFlags, command: Command) => {
    const config = await configOf(context, command);
    const progress = progressOf(context, command);
    const rows = await cutWhenStopped(context, () =>
      purge({ context, config, progress, isDryRun: dryRun }).finally(() => progress.clear()),
    );
    const output = outputOf(context, command);
    output.result({ rows, isDryRun: dryRun }, () =>
      Object.keys(rows).length === 0
        ? 'nothing has expired'
        : output.table([
            ['table', dryRun ? 'rows to delete' : 'rows deleted'],
            ...Object.entries(rows).map(([table, count]) => [table, String(count)]),
          ]),
    );
  });

interface Purge {
  readonly context: CliContext;
  readonly config: Config;
  readonly progress: Progress;
  readonly isDryRun: boolean;
}

async function purge({ config, context, isDryRun, progress }: Purge): Promise<Deleted> {
  const { jsonLog } = await import('../../../server/telemetry/json-log.ts');
  const { openReadyDatabase } = await import('../../../server/open-database.ts');
  const { openContents } = await import('../../../server/open-contents.ts');
  const { ServerClock } = await import('@postlude/queue/storage');
  const { purgeExpired } = await import('../../../retention/purger.ts');
  const { countExpired } = await import('../../../retention/dry-run.ts');
  const log = jsonLog(config.logLevel, context.stderr);
  const db = await openReadyDatabase(config, { log, clock: context.clock });
  const contents = openContents(config, context.clock);
  try {
    const clock = new ServerClock(db, context.clock);
    await clock.sync();
    let rows = 0;
    const onDeleted = (deleted: Deleted): void => {
      for (const count of Object.values(deleted)) rows += count;
      progress.update(`${rows} rows ${isDryRun ? 'to delete' : 'deleted'}`);
    };
    const pass = isDryRun ? countExpired : purgeExpired;
    const parts = { db, clock, contents, log, deadTaskMs: config.deadTaskExpirationMs };
    return await pass(parts, { onDeleted, rest: REST, signal: context.signal });
  } finally {
    await contents.close();
    await db.close();
  }
}
