import { Command } from 'commander';
import { silentLog } from '../../log.ts';
import { type CommandMaker, outputOf } from '../command.ts';
import { addServerOptions, configOf } from '../server-options.ts';

export const migrateCommand: CommandMaker = (context) =>
  addServerOptions(
    new Command('migrate')
      .description('bring a database to the schema of this version; safe to repeat')
      .option('--json', 'print the applied migrations as JSON'),
  ).action(async (_options: unknown, command: Command) => {
    const config = await configOf(context, command);
    const { migrateDatabase } = await import('../../server/open-database.ts');
    const applied = await migrateDatabase(config, { log: silentLog, clock: context.clock });
    outputOf(context, command).result({ applied }, () =>
      applied.length === 0 ? 'the schema is up to date' : `applied ${applied.join(', ')}`,
    );
  });
