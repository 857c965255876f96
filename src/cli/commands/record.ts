import { Command } from 'commander';
import { addGlobalOptions, type CommandMaker, collect, outputOf, progressOf } from '../command.ts';
import { connect } from '../connection.ts';
import { CliError, EXIT } from '../context.ts';
import { invocationName, parseInvocation } from '../invocation-argument.ts';
import {
  addNewInvocationOptions,
  type CreatedInvocation,
  createInvocation,
  generatedInvocationId,
  type NewInvocationOptions,
} from '../new-invocation.ts';
import { type CommandEnd, runCommand } from '../spawn.ts';
import { UPDATE_TOKEN_HEADER } from '../tokens.ts';
import { addUploadOptions, type UploadOptions, variantOf } from '../upload-options.ts';
import { describeUpload, type UploadSummary, uploadReports } from '../upload-reports.ts';

interface RecordOptions extends NewInvocationOptions, UploadOptions {
  readonly id?: string;
  readonly reports?: readonly string[];
}

const MORE = `
The command runs with POSTLUDE_INVOCATION, POSTLUDE_UPDATE_TOKEN and POSTLUDE_SERVER in its
environment. Repeated with the same --id, while that invocation is open, it goes on with it.

Ends with the exit code of the command; where that is 0, with 2 if a report is damaged or missing;
with 127 where the command cannot be started (the invocation then stays open).`;

export const recordCommand: CommandMaker = (context, setExitCode) =>
  addGlobalOptions(
    addUploadOptions(
      addNewInvocationOptions(
        new Command('record')
          .description('run a test command as one invocation: create, run, upload, finalize')
          .usage('[options] -- CMD [ARG...]')
          .argument('<command...>', 'what runs the tests')
          .option(
            '--id <id>',
            'the id of the invocation (default: one is made up)',
            parseInvocation,
          )
          .option('--reports <glob>', 'reports that it writes, in quotes (repeatable)', collect)
          .passThroughOptions(),
      ),
    ).addHelpText('after', MORE),
  ).action(async (words: [string, ...string[]], options: RecordOptions, command: Command) => {
    const id = options.id ?? generatedInvocationId();
    const output = outputOf(context, command);
    const connection = connect(context, command);
    const created = await createInvocation(context, connection, { id, options, finalize: false });
    output.note(`recording invocation ${id}`);

    const env = environment(context.env, { id, server: connection.url, token: created.token });
    const end = await runCommand({ command: words, cwd: context.cwd, env, signal: context.signal });
    if (context.signal.aborted) throw interrupted(id);

    const headers = { [UPDATE_TOKEN_HEADER]: created.token };
    const summary = await uploadReports({
      ...{ context, connection, output, headers },
      progress: progressOf(context, command),
      invocationId: id,
      patterns: options.reports ?? [],
      variant: variantOf(options),
      repo: options.repo,
    });
    await connection.recorder.finalizeInvocation({ name: invocationName(id) }, { headers });
    output.result({ invocation: id, exitCode: end.exitCode, ...summary }, () =>
      describe(id, end, summary),
    );
    setExitCode(exitCodeOf(end, summary));
  });

function environment(
  inherited: Readonly<Record<string, string | undefined>>,
  own: { readonly id: string; readonly server: string; readonly token: CreatedInvocation['token'] },
): Record<string, string | undefined> {
  return {
    ...inherited,
    POSTLUDE_INVOCATION: own.id,
    POSTLUDE_SERVER: own.server,
    POSTLUDE_UPDATE_TOKEN: own.token,
  };
}

/** Whoever stops us may start us again: the invocation stays open for that. */
function interrupted(id: string): CliError {
  return new CliError(`interrupted; invocation ${id} stays open: record it again, or finalize it`);
}

function exitCodeOf(end: CommandEnd, summary: UploadSummary): number {
  if (end.exitCode !== 0) return end.exitCode;
  return summary.complete ? EXIT.ok : EXIT.badInput;
}

function describe(id: string, end: CommandEnd, summary: UploadSummary): string {
  const how =
    end.killedBy === undefined ? `ended with ${end.exitCode}` : `was killed by ${end.killedBy}`;
  return `${id}: the command ${how}; ${describeUpload(summary)}`;
}
