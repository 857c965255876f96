/** The parts that all commands share: the type of their makers, and the global options. */
import type { Command } from 'commander';
import type { CliContext } from './context.ts';
import { parseDuration } from './option-values.ts';
import { Output } from './terminal/output.ts';
import { Progress } from './terminal/progress.ts';

/** Makes one command, which calls `setExitCode` if it ends without an error but must not exit with 0. */
export type CommandMaker = (context: CliContext, setExitCode: (code: number) => void) => Command;

export interface GlobalOptions {
  readonly server?: string;
  /** In milliseconds. */
  readonly timeout?: number;
  /** In milliseconds. */
  readonly retryFor?: number;
  readonly audience?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Users may write these options before or after the name of the command. */
export function addGlobalOptions(command: Command): Command {
  return command
    .option('--server <url>', 'the postlude server ($POSTLUDE_SERVER; http://127.0.0.1:8010)')
    .option(
      '--timeout <duration>',
      'how long a call to the server may take, each time it is tried ($POSTLUDE_TIMEOUT; 2m)',
      parseDuration,
    )
    .option(
      '--retry-for <duration>',
      'how long a call is tried again while the server is away ($POSTLUDE_RETRY_FOR; 1m, or 5m once it has answered)',
      parseDuration,
    )
    .option(
      '--audience <name>',
      'the audience of OIDC tokens from the CI system ($POSTLUDE_AUDIENCE; postlude)',
    )
    .option('--json', 'print results as JSON, one value a line')
    .option('-q, --quiet', 'print only results and errors');
}

/** The option nearest to the command's arguments wins. */
export function globalOptionsOf(command: Command): GlobalOptions {
  const inherited = command.parent ? globalOptionsOf(command.parent) : {};
  return { ...inherited, ...command.opts<GlobalOptions>() };
}

export function outputOf(context: CliContext, command: Command): Output {
  const { json, quiet } = globalOptionsOf(command);
  return new Output(context, { json: json ?? false, quiet: quiet ?? false });
}

export function progressOf(context: CliContext, command: Command): Progress {
  const { json, quiet } = globalOptionsOf(command);
  return new Progress(context.stderr, context.clock, !json && !quiet);
}

/** For options that may be given several times: `--include a --include b`. */
export function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}
