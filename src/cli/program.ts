/** Runs a command line: builds the commands and their shared options, and maps errors to exit codes. */

import { hasCode, toError } from '@postlude/queue/foundations';
import { Command, CommanderError } from 'commander';
import { CLIENT_VARIABLES } from '../server/config/client-variables.ts';
import { addGlobalOptions, type CommandMaker } from './command.ts';
import { loadCommandsFor } from './command-loaders.ts';
import { type CliContext, CliError, EXIT } from './context.ts';
import { packageVersion } from './process/version.ts';
import { printFailure } from './terminal/output.ts';
import { OwnSecrets } from './terminal/own-secrets.ts';
import { visibleText } from './terminal/visible-text.ts';

const OVERVIEW = `
Typical use:
  postlude serve                                     serves on 127.0.0.1:8010, with data in .postlude/
  postlude record --id ci-7-shard-1 --reports 'out/*.xml' -- npm test
  postlude create ci-7 --include ci-7-shard-1 --finalize
  postlude status ci-7 --watch                       waits until the whole run is over
  postlude why ci-7                                  says what it still waits for
  postlude gate ci-7                                 waits, then exits with 0 or 1 by its verdict

Exit codes: 0 success, 1 failure, 2 bad input (the command line, or a damaged report);
record exits with the exit code of its command.`;

const SECRET_VARIABLES = [CLIENT_VARIABLES.idToken, CLIENT_VARIABLES.updateToken];

/** Runs one command line (without the name of the program) and returns its exit code. */
export async function runCli(
  argv: readonly string[],
  given: Omit<CliContext, 'secrets'>,
): Promise<number> {
  const secrets = new OwnSecrets();
  for (const name of SECRET_VARIABLES) secrets.add(given.env[name]);
  const [stdout, stderr] = [secrets.hiddenIn(given.stdout), secrets.hiddenIn(given.stderr)];
  const context = { ...given, stdout, stderr, secrets };
  let exitCode: number = EXIT.ok;
  const makers = await loadCommandsFor(argv);
  const program = buildProgram(context, makers, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    return await explainFailure(error, context);
  }
}

/** Builds the command tree, from which completion scripts and the check of docs/cli.md are also made. */
export function buildProgram(
  context: CliContext,
  makers: readonly CommandMaker[],
  setExitCode: (code: number) => void,
): Command {
  const program = addGlobalOptions(new Command('postlude'))
    .description('Knows when a sharded test run is really over, and exports every result once.')
    .version(packageVersion())
    .addHelpText('after', OVERVIEW)
    .enablePositionalOptions()
    .showHelpAfterError('(postlude --help lists the commands and options)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
      outputError: (text, write) => write(`${visibleError(text)}\n`),
    });
  for (const make of makers) program.addCommand(inherit(program, make(context, setExitCode)));
  return program;
}

/** Commander's errors quote arguments, which a script may have from anywhere. Its hint is a line of its own. */
function visibleError(text: string): string {
  const [, message = '', hint = ''] = /^(.*?)(\n\(Did you mean [^\n]*\?\))?\n?$/s.exec(text) ?? [];
  return visibleText(message) + hint;
}

/** Commander does not pass a parent's settings on to subcommands that were made elsewhere. */
function inherit(program: Command, command: Command): Command {
  command.copyInheritedSettings(program);
  for (const child of command.commands) inherit(command, child);
  return command;
}

async function explainFailure(error: unknown, context: CliContext): Promise<number> {
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? EXIT.ok : EXIT.badInput; // Commander has printed it.
  }
  const { toRpcFailure } = await import('./connection/rpc-errors.ts');
  const failure = toStop(error, context) ?? toRpcFailure(error) ?? toError(error);
  printFailure(context.stderr, failure.message);
  if (context.signal.aborted) {
    const { exitCodeOfSignal, signalOf } = await import('./process/spawn.ts');
    return exitCodeOfSignal(signalOf(context.signal));
  }
  if (failure instanceof CliError) return failure.exitCode;
  return hasCode(failure, 'invalid-argument') ? EXIT.badInput : EXIT.error;
}

/** A stopped operation throws the reason of its signal, which is not necessarily an Error. */
function toStop(error: unknown, { signal }: CliContext): CliError | undefined {
  return signal.aborted && error === signal.reason ? new CliError('stopped') : undefined;
}
