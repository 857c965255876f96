import { Command, type Command as CommanderCommand } from 'commander';
import { toError } from '../../errors.ts';
import { CLIENT_VARIABLES } from '../../server/client-variables.ts';
import { addGlobalOptions, type CommandMaker, collect, outputOf, progressOf } from '../command.ts';
import {
  type CommandOutcome,
  describeEnd,
  outcomeProperties,
  outcomeResult,
} from '../command-outcome.ts';
import { type Connection, connect } from '../connection.ts';
import { type CliContext, CliError, EXIT } from '../context.ts';
import { EarlierFiles } from '../earlier-files.ts';
import { findReports } from '../find-reports.ts';
import { parseInvocation } from '../invocation-argument.ts';
import { addNewInvocationOptions, generatedInvocationId } from '../new-invocation.ts';
import { parseAttempt, parseDuration } from '../option-values.ts';
import { keepAlive, openRecording, type Recording, type RecordingOptions } from '../recording.ts';
import { toRpcFailure } from '../rpc-errors.ts';
import { exitCodeOfSignal, runCommand, signalOf } from '../spawn.ts';
import { addUploadOptions, type UploadOptions, variantOf } from '../upload-options.ts';
import {
  describeUpload,
  sendResults,
  type Upload,
  type UploadSummary,
  uploadReports,
} from '../upload-reports.ts';

interface RecordOptions extends RecordingOptions, UploadOptions {
  readonly id?: string;
  readonly reports?: readonly string[];
  readonly acceptUnchanged?: boolean;
}

const MORE = `
The command runs with POSTLUDE_INVOCATION, POSTLUDE_UPDATE_TOKEN and POSTLUDE_SERVER in its
environment. Its output stays as it is: what record has to say goes to standard error. With --json
the output of the command goes there, too, and standard output has one object.

Repeated with the same --id, it records the next attempt. Results of an attempt that was cut short do
not count any more; those of one that was complete become earlier attempts at the same tests.

Reports are uploaded whether the command fails or not, also where it is stopped. Each --reports must
find a file that the command has written; !GLOB leaves files out. What is as it was before the command
is from an earlier run, and is left out; --accept-unchanged takes it, too, for build tools that skip
what is up to date. A command that was killed, or failed while its reports are green, gets an
unexpected result of its own.

SIGINT and SIGTERM go to the command and all that it started; what it still reports is uploaded, and
the invocation ends as cancelled. A second signal ends everything at once.

Ends with the exit code of the command (128 + its number where a signal killed it, or us); where that
is 0, with 2 if a report is damaged or missing, with 1 if the results cannot be uploaded. With 127
where the command cannot be started.`;

export const recordCommand: CommandMaker = (context, setExitCode) =>
  commandLine().action(
    async (words: [string, ...string[]], options: RecordOptions, command: CommanderCommand) => {
      const id = options.id ?? generatedInvocationId();
      const opening = connect(context, command);
      const recording = await openRecording(context, opening, id, options);
      const output = outputOf(context, command);
      output.note(describeBegin(recording));
      const earlier = await earlierReports(context, options);
      const outcome = await runAlive(context, { words, command, recording, server: opening.url });

      // Whoever stopped the command still wants its results.
      const patient = { ...context, signal: new AbortController().signal };
      const summary = await uploadAndEnd(
        {
          ...{ context: patient, connection: connect(patient, command), output },
          progress: progressOf(context, command),
          invocationId: recording.id,
          headers: recording.headers,
          patterns: options.reports ?? [],
          earlier,
          variant: variantOf(options),
          repo: options.repo,
        },
        recording,
        outcome,
      ).catch((error: unknown) => {
        throw notUploaded(recording.id, outcome, error);
      });
      if (output.isJson) output.result(jsonOf(recording, outcome, summary), () => '');
      output.note(
        `${recording.id}: the command ${describeEnd(outcome)}; ${describeUpload(summary)}`,
      );
      setExitCode(exitCodeOf(outcome, summary));
    },
  );

function commandLine(): Command {
  const command = new Command('record')
    .description('run a test command as one invocation: create, run, upload, finalize')
    .usage('[options] -- CMD [ARG...]')
    .argument('<command...>', 'what runs the tests')
    .option('--id <id>', 'the id of the invocation (default: one is made up)', parseInvocation)
    .option('--reports <glob...>', 'reports that it writes, in quotes (repeatable)', collect)
    .option('--accept-unchanged', 'take reports that the command has not written, too')
    .option(
      '--attempt <number>',
      'the number of this attempt (default: what the CI system says, or the next one)',
      parseAttempt,
    )
    .option(
      '--lost-after <duration>',
      'how long we may be silent before the server takes us for lost (default: 10m)',
      parseDuration,
    )
    .passThroughOptions();
  return addGlobalOptions(
    addUploadOptions(addNewInvocationOptions(command)).addHelpText('after', MORE),
  );
}

function describeBegin({ attempt, id, superseded }: Recording): string {
  const instead = superseded.length === 0 ? '' : `, in place of ${superseded.join(', ')}`;
  return attempt === 1 ? `recording invocation ${id}` : `recording ${id}${instead}`;
}

/** What lies where the command will write: a workspace may be used for many runs. */
async function earlierReports(
  { cwd }: CliContext,
  { acceptUnchanged, reports = [] }: RecordOptions,
): Promise<EarlierFiles> {
  if (acceptUnchanged) return EarlierFiles.none;
  return EarlierFiles.at((await findReports(cwd, reports)).files);
}

interface Run {
  readonly words: readonly [string, ...string[]];
  readonly command: CommanderCommand;
  readonly recording: Recording;
  readonly server: string;
}

/** Runs the command, and tells the server all the while that we are there. */
async function runAlive(context: CliContext, run: Run): Promise<CommandOutcome> {
  const { command, recording, server, words } = run;
  const output = outputOf(context, command);
  const ended = new AbortController();
  const beating = keepAlive(context, connect(context, command), recording, {
    output,
    signal: ended.signal,
  });
  const startTime = context.clock.now();
  try {
    const end = await runCommand({
      command: words,
      cwd: context.cwd,
      env: environment(context.env, recording, server),
      stdout: output.isJson ? 'stderr' : 'stdout',
      signal: context.signal,
    });
    const cancelledBy = context.signal.aborted ? signalOf(context.signal) : undefined;
    return { ...end, file: words[0], startTime, endTime: context.clock.now(), cancelledBy };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    output.error(error.message);
    const times = { startTime, endTime: context.clock.now() };
    return { ...times, file: words[0], exitCode: error.exitCode, notStarted: error.message };
  } finally {
    ended.abort();
    await beating;
  }
}

function environment(
  inherited: Readonly<Record<string, string | undefined>>,
  { id, token }: Recording,
  server: string,
): Record<string, string | undefined> {
  return {
    ...inherited,
    [CLIENT_VARIABLES.invocation]: id,
    [CLIENT_VARIABLES.server]: server,
    [CLIENT_VARIABLES.updateToken]: token,
  };
}

async function uploadAndEnd(
  upload: Upload,
  { name }: Recording,
  outcome: CommandOutcome,
): Promise<UploadSummary> {
  const { connection, headers, output, patterns, variant } = upload;
  if (patterns.length === 0) {
    output.warn('no --reports: nothing is recorded but what the command uploads itself');
  }
  const summary = await uploadReports(upload);
  const ofCommand = outcomeResult(outcome, summary.counts, variant);
  if (ofCommand !== undefined) await sendResults(upload, [ofCommand]);
  await endInvocation(connection, headers, name, outcome);
  return summary;
}

async function endInvocation(
  { invocations, retry }: Connection,
  headers: Readonly<Record<string, string>>,
  name: string,
  outcome: CommandOutcome,
): Promise<void> {
  const cancelled = outcome.cancelledBy !== undefined;
  const reason = outcome.cancelledBy ?? '';
  const properties = outcomeProperties(outcome);
  await retry(() =>
    invocations.endInvocation({ name, cancelled, reason, properties }, { headers }),
  );
}

function notUploaded(id: string, { exitCode }: CommandOutcome, error: unknown): CliError {
  return new CliError(
    `${(toRpcFailure(error) ?? toError(error)).message}\n  the command ended with ${exitCode}; what it reported is not in ${id}`,
    exitCode || EXIT.error,
    { cause: error },
  );
}

function jsonOf(recording: Recording, outcome: CommandOutcome, summary: UploadSummary) {
  const { attempt, id: invocation, superseded } = recording;
  const { cancelledBy, exitCode, killedBy } = outcome;
  return {
    ...{ invocation, attempt, superseded, exitCode },
    ...(killedBy === undefined ? {} : { killedBy }),
    ...(cancelledBy === undefined ? {} : { cancelledBy }),
    ...summary,
  };
}

function exitCodeOf({ cancelledBy, exitCode }: CommandOutcome, summary: UploadSummary): number {
  if (cancelledBy !== undefined) return exitCodeOfSignal(cancelledBy);
  if (exitCode !== 0) return exitCode;
  return summary.complete ? EXIT.ok : EXIT.badInput;
}
