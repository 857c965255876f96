/** The command line: its commands, the options they share, and how errors become exit codes. */
import { Command, CommanderError } from 'commander';
import { hasCode, toError } from '../errors.ts';
import { completionCommand } from './commands/completion.ts';
import { createCommand } from './commands/create.ts';
import { doctorCommand } from './commands/doctor.ts';
import { exportCommand } from './commands/export.ts';
import { finalizeCommand } from './commands/finalize.ts';
import { includeCommand } from './commands/include.ts';
import { inspectCommand } from './commands/inspect.ts';
import { migrateCommand } from './commands/migrate.ts';
import { queryCommand } from './commands/query.ts';
import { recordCommand } from './commands/record.ts';
import { serveCommand } from './commands/serve.ts';
import { statusCommand } from './commands/status.ts';
import { tasksCommand } from './commands/tasks.ts';
import { uploadCommand } from './commands/upload.ts';
import { whyCommand } from './commands/why.ts';
import { describeRpcError } from './connection.ts';
import { type CliContext, CliError, EXIT } from './context.ts';
import { packageVersion } from './version.ts';

const OVERVIEW = `
Typical use:
  postlude serve                                     a server on 127.0.0.1:8010, data in .postlude/
  postlude record --id ci-7-shard-1 --reports 'out/*.xml' -- npm test
  postlude create ci-7 --include ci-7-shard-1 --finalize
  postlude status ci-7 --watch                       waits until the whole run is over
  postlude why ci-7                                  what it still waits for

Exit codes: 0 done, 1 failed, 2 bad input (command line, or a damaged report);
record answers the exit code of its command.`;

/** Runs one command line (without the name of the program) and answers its exit code. */
export async function runCli(argv: readonly string[], context: CliContext): Promise<number> {
  let exitCode: number = EXIT.ok;
  const program = buildProgram(context, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    return explainFailure(error, context);
  }
}

/** The whole command tree; completion and the docs are made from it, too. */
export function buildProgram(context: CliContext, setExitCode: (code: number) => void): Command {
  const program = new Command('postlude')
    .description('Knows when a sharded test run is really over, and exports every result once.')
    .version(packageVersion())
    .option('--server <url>', 'the postlude server ($POSTLUDE_SERVER; http://127.0.0.1:8010)')
    .option('--json', 'print results as JSON, one value a line')
    .option('-q, --quiet', 'print results and errors only')
    .addHelpText('after', OVERVIEW)
    .enablePositionalOptions()
    .showHelpAfterError('(postlude --help shows what there is)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
    });
  const commands = [
    recordCommand,
    uploadCommand,
    createCommand,
    includeCommand,
    finalizeCommand,
    statusCommand,
    whyCommand,
    queryCommand,
    exportCommand,
    tasksCommand,
    inspectCommand,
    serveCommand,
    migrateCommand,
    doctorCommand,
    completionCommand,
  ];
  for (const command of commands)
    program.addCommand(inherit(program, command(context, setExitCode)));
  return program;
}

/** Subcommands made elsewhere do not take over their parent's settings by themselves. */
function inherit(program: Command, command: Command): Command {
  command.copyInheritedSettings(program);
  for (const child of command.commands) inherit(command, child);
  return command;
}

function explainFailure(error: unknown, context: CliContext): number {
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? EXIT.ok : EXIT.badInput; // Commander has printed it.
  }
  if (error instanceof CliError) {
    context.stderr.write(`postlude: ${error.message}\n`);
    return error.exitCode;
  }
  const message = describeRpcError(error) ?? toError(error).message;
  context.stderr.write(`postlude: ${message}\n`);
  return hasCode(error, 'invalid-argument') ? EXIT.badInput : EXIT.error;
}
