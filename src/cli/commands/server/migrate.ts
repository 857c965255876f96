import { type Log, silentLog } from '@postlude/queue/foundations';
import { Command } from 'commander';
import { type CommandMaker, outputOf, progressOf } from '../../command.ts';
import { cutWhenStopped } from '../../process/stopping.ts';
import { addServerOptions, configOf } from '../../server-options.ts';
import type { Progress } from '../../terminal/progress.ts';

export const migrateCommand: CommandMaker = (context) =>
  addServerOptions(
    new Command('migrate')
      .description('migrate a database to the schema of this version; safe to repeat')
      .option('--json', 'print the applied migrations as JSON'),
  ).action(async (_options: unknown, command: Command) => {
    const config = await configOf(context, command);
    const { migrateDatabase } = await import('../../../server/open-database.ts');
    const progress = progressOf(context, command);
    const parts = { log: progressLog(progress), clock: context.clock };
    const migrate = () => migrateDatabase(config, parts).finally(() => progress.clear());
    const applied = await cutWhenStopped(context, migrate);
    outputOf(context, command).result({ applied }, () =>
      applied.length === 0 ? 'the schema is up to date' : `applied ${applied.join(', ')}`,
    );
  });

/** Schema changes may take long, so their log messages are shown as progress on a terminal. */
function progressLog(progress: Progress): Log {
  return {
    ...silentLog,
    info: (message, { migration, operationId, percent } = {}) => {
      const howFar = percent === undefined ? '' : ` ${percent} %`;
      progress.update(`${message}: ${migration ?? operationId ?? ''}${howFar}`);
    },
    with: () => progressLog(progress),
  };
}
