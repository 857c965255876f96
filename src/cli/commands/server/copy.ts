import { silentLog, toError } from '@postlude/queue/foundations';
import { Command } from 'commander';
import { type CommandMaker, outputOf } from '../../command.ts';
import { type CliContext, CliError, EXIT } from '../../context.ts';
import { cutWhenStopped } from '../../process/stopping.ts';
import { Progress } from '../../terminal/progress.ts';

interface CopyOptions {
  readonly from: string;
  readonly to: string;
  readonly schema: string;
}

export const copyCommand: CommandMaker = (context, setExitCode) =>
  new Command('copy')
    .description(
      'copy everything from one database to another, then compare them; resumes if interrupted',
    )
    .requiredOption(
      '--from <database>',
      'the source database: pglite:PATH, postgres://… or spanner://…',
    )
    .requiredOption(
      '--to <database>',
      'the target database, in the same form; it is migrated first',
    )
    .option('--schema <name>', 'the schema of the tables in both databases', 'postlude')
    .option('--json', 'print what was copied as JSON')
    .addHelpText(
      'after',
      '\nStop all servers on both databases first. Exits with 1 if the databases differ at the end.',
    )
    .action(async (options: CopyOptions, command: Command) => {
      const output = outputOf(context, command);
      const progress = new Progress(context.stderr, context.clock, !output.isJson);
      const tables = await cutWhenStopped(context, () => copy(context, options, progress));
      progress.clear();
      output.result({ tables, isSame: tables.every(({ isSame }) => isSame) }, () =>
        output.table([
          ['table', 'rows', 'copied now', 'result'],
          ...tables.map(({ table, from, to, copied, isSame }) => [
            table,
            from.rows === to.rows ? String(from.rows) : `${from.rows} → ${to.rows}`,
            String(copied),
            isSame ? 'same' : 'DIFFERENT',
          ]),
        ]),
      );
      if (tables.some(({ isSame }) => !isSame)) setExitCode(EXIT.error);
    });

async function copy(context: CliContext, { from, to, schema }: CopyOptions, progress: Progress) {
  if (from === to) throw new CliError('--from and --to name the same database', EXIT.badInput);
  const { copyDatabase } = await import('../../../copy/copy-database.ts');
  const source = await open(context, from, { schema, isTarget: false });
  try {
    const target = await open(context, to, { schema, isTarget: true });
    try {
      return await copyDatabase({
        from: source,
        to: target,
        signal: context.signal,
        onProgress: ({ step, table, rows }) => progress.update(`${step} ${table}: ${rows} rows`),
      });
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function open(
  context: CliContext,
  location: string,
  { schema, isTarget }: { readonly schema: string; readonly isTarget: boolean },
) {
  const { openReadyDatabase } = await import('../../../server/open-database.ts');
  const { databaseLocation } = await import('../../../server/config/setting-values.ts');
  const { SPANNER_EMULATOR_HOST } = context.env;
  const option = isTarget ? '--to' : '--from';
  const database = parse(() => databaseLocation(location, context.cwd), option);
  const config = {
    database,
    schema,
    databaseConnections: 2,
    autoMigrate: isTarget,
    spannerEmulatorHost: SPANNER_EMULATOR_HOST,
  };
  return await openReadyDatabase(config, { log: silentLog, clock: context.clock });
}

/** Names the option and not its value, which may hold a password. */
function parse<T>(parseLocation: () => T, option: string): T {
  try {
    return parseLocation();
  } catch (error) {
    throw new CliError(`${option} ${toError(error).message}`, EXIT.badInput, { cause: error });
  }
}
