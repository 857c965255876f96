import { toError } from '@postlude/queue/foundations';
import { Command, type Command as CommanderCommand } from 'commander';
import { CLIENT_VARIABLES } from '../../../server/config/client-variables.ts';
import { describeArtifacts } from '../../artifacts/describe-artifacts.ts';
import {
  addGlobalOptions,
  type CommandMaker,
  collect,
  outputOf,
  progressOf,
} from '../../command.ts';
import { connect } from '../../connection/connection.ts';
import { type CliContext, CliError, EXIT } from '../../context.ts';
import { parseInvocation } from '../../invocation-argument.ts';
import { addNewInvocationOptions, generatedInvocationId } from '../../new-invocation.ts';
import { parseAttempt, parseDuration } from '../../option-values.ts';
import { exitCodeOfSignal, isAtTerminal, runCommand, signalOf } from '../../process/spawn.ts';
import {
  type CommandOutcome,
  describeEnd,
  heedingLateSignal,
} from '../../recording/command-outcome.ts';
import { type Ended, endRecording, hasReported } from '../../recording/record-end.ts';
import {
  addSpoolOptions,
  type SpoolOptions,
  type Start,
  startRecording,
} from '../../recording/record-start.ts';
import {
  keepAlive,
  planRecording,
  type Recording,
  type RecordingOptions,
} from '../../recording/recording.ts';
import { EarlierFiles } from '../../reports/earlier-files.ts';
import { findReports } from '../../reports/find-reports.ts';
import { addUploadOptions, type UploadOptions, variantOf } from '../../reports/upload-options.ts';
import { describeUpload, type Upload, type UploadSummary } from '../../reports/upload-reports.ts';
import type { ReportedCounts } from '../../result-sink/reported-results.ts';
import type { ResultSinkParts, RunningSink } from '../../result-sink/result-sink.ts';
import { addSinkOptions, type SinkOptions, sinkRules } from '../../result-sink/sink-options.ts';
import { countOf } from '../../terminal/count.ts';
import type { Output } from '../../terminal/output.ts';

interface RecordOptions extends RecordingOptions, SinkOptions, SpoolOptions, UploadOptions {
  readonly id?: string;
  readonly reports?: readonly string[];
  readonly acceptUnchanged?: boolean;
}

const MORE = `
The command runs with POSTLUDE_INVOCATION, POSTLUDE_UPDATE_TOKEN and POSTLUDE_SERVER in its
environment, and with LUCI_CONTEXT, the file by which LUCI's result adapters find ResultSink. What they
report is recorded as well, with --variant and the options below. Its output is passed through unchanged; record itself writes to standard error. With
--json, the command's output goes to standard error as well, and standard output gets one object.

If you run record again with the same --id, it records the next attempt. Results of an attempt that was
cut short no longer count; results of a complete one become earlier attempts at the same tests.

Reports are uploaded whether the command succeeds, fails or is stopped. Each --reports must match a
file that the command has written; !GLOB leaves files out. A file that has not changed since before the
command is from an earlier run, and is left out. --accept-unchanged takes it as well, for build tools
that skip what is up to date. If the command was killed, or failed although its reports are green, the
invocation gets an unexpected result that says so.

SIGINT and SIGTERM are sent to the command and to everything it started. What it still reports is
uploaded, and the invocation ends as cancelled. A second signal kills the command and ends record at once.

Tests always run: if the server cannot be reached within 5 seconds, or rejects our calls, the command
runs anyway, and its results wait in a folder (--spool) for the next record or for "postlude flush".
Use --if-unreachable fail if you would rather not run the tests then.

--artifacts keeps files that the command has written with the invocation. They are uploaded after the
results, and only if the server can be reached by then: the spool holds no files.

Exits with the exit code of the command (128 + the signal's number if a signal killed it or stopped
record). If that is 0, exits with 2 if a report is damaged or missing, and with 1 if the server refuses
the results. Exits with 127 if the command cannot be started.`;

export const recordCommand: CommandMaker = (context, setExitCode) =>
  commandLine().action(
    async (words: [string, ...string[]], options: RecordOptions, command: CommanderCommand) => {
      const rules = sinkRules(options, variantOf(options));
      const plan = planRecording(context, options.id ?? generatedInvocationId(), options);
      const start = await startRecording(context, command, { ...options, plan });
      const output = outputOf(context, command);
      if (start.recording) output.note(describeBegin(start.recording));
      const earlier = await earlierReports(context, options);
      const patient = withPatience(context);
      const sink = await openSink({ context: patient, command, start, rules }, output);
      try {
        const ended = await runAlive(context, { words, command, start, sink });
        const outcome = heedingLateSignal(ended, context.signal);
        const upload = { ...uploadOf(patient, command, options), earlier };
        const mayWait = options.ifUnreachable === 'run';
        const reported = sink?.reported;
        const ending = { command, start, upload, outcome, reported, mayWait };
        const sent = await endRecording(ending);
        const run = { start, outcome, reported: reported?.counts };
        if (output.isJson) output.result(jsonOf(run, sent), () => '');
        output.note(describeEnded(run, sent));
        setExitCode(exitCodeOf(outcome, sent.summary));
      } finally {
        await sink?.remove();
      }
    },
  );

/** A user who stops the command still wants its results. */
function withPatience(context: CliContext): CliContext {
  return { ...context, signal: new AbortController().signal };
}

function uploadOf(
  context: CliContext,
  command: CommanderCommand,
  options: RecordOptions,
): Omit<Upload, 'earlier'> {
  return {
    context,
    output: outputOf(context, command),
    progress: progressOf(context, command),
    patterns: options.reports ?? [],
    variant: variantOf(options),
    repo: options.repo,
    followLinks: options.followLinks,
    artifacts: options.artifacts ?? [],
  };
}

/** A command that reports nothing itself must run anyway, so a sink that cannot be opened is no failure. */
async function openSink(parts: ResultSinkParts, output: Output): Promise<RunningSink | undefined> {
  const { openResultSink } = await import('../../result-sink/result-sink.ts');
  try {
    return await openResultSink(parts);
  } catch (error) {
    output.warn(`the command cannot report results itself: ${toError(error).message}`);
    return undefined;
  }
}

function commandLine(): Command {
  const command = new Command('record')
    .description('run a test command as one invocation: create, run, upload, finalize')
    .usage('[options] -- CMD [ARG...]')
    .argument('<command...>', 'the command that runs the tests')
    .option('--id <id>', 'the id of the invocation (default: a generated one)', parseInvocation)
    .option('--reports <glob...>', 'the reports that it writes, in quotes (repeatable)', collect)
    .option('--accept-unchanged', 'also take reports that the command has not written')
    .option(
      '--attempt <number>',
      'the number of this attempt (default: from the CI system, or the next one)',
      parseAttempt,
    )
    .option(
      '--lost-after <duration>',
      'how long record may be silent before the server considers it lost (default: 10m)',
      parseDuration,
    )
    .passThroughOptions();
  return addGlobalOptions(
    addSpoolOptions(addSinkOptions(addUploadOptions(addNewInvocationOptions(command)))).addHelpText(
      'after',
      MORE,
    ),
  );
}

function describeBegin({ attempt, id, superseded }: Recording): string {
  const instead = superseded.length === 0 ? '' : `, in place of ${superseded.join(', ')}`;
  return attempt === 1 ? `recording invocation ${id}` : `recording ${id}${instead}`;
}

/** Finds the reports that are there before the command runs: a workspace may be used for many runs. */
async function earlierReports(
  { cwd }: CliContext,
  { acceptUnchanged, artifacts = [], followLinks, reports = [] }: RecordOptions,
): Promise<EarlierFiles> {
  if (acceptUnchanged) return EarlierFiles.none;
  const { files } = await findReports(cwd, [...reports, ...artifacts], { followLinks });
  return EarlierFiles.at(files);
}

interface Run {
  readonly words: readonly [string, ...string[]];
  readonly command: CommanderCommand;
  readonly start: Start;
  readonly sink: RunningSink | undefined;
}

/** Runs the command, and sends heartbeats to the server while it runs. */
async function runAlive(context: CliContext, run: Run): Promise<CommandOutcome> {
  const { command, sink, start, words } = run;
  const output = outputOf(context, command);
  const ended = new AbortController();
  const beating = beat(context, run, { output, signal: ended.signal });
  const startTime = context.clock.now();
  try {
    const end = await runCommand({
      command: words,
      cwd: context.cwd,
      env: { ...environment(context.env, start), ...sink?.env },
      stdout: output.isJson ? 'stderr' : 'stdout',
      signal: context.signal,
      forced: context.forced,
      atTerminal: isAtTerminal(context.env),
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
    await sink?.stopServing();
    await beating;
  }
}

async function beat(
  context: CliContext,
  { command, start: { recording } }: Run,
  until: { readonly output: Output; readonly signal: AbortSignal },
): Promise<void> {
  if (recording === undefined) return;
  const { invocations } = connect(context, command);
  await keepAlive(recording, { clock: context.clock, invocations, ...until });
}

function environment(
  inherited: Readonly<Record<string, string | undefined>>,
  { recording, server }: Start,
): Record<string, string | undefined> {
  return {
    ...inherited,
    [CLIENT_VARIABLES.invocation]: recording?.id,
    [CLIENT_VARIABLES.server]: server,
    [CLIENT_VARIABLES.updateToken]: recording?.token,
  };
}

/** What is said of a run at its end. */
interface EndedRun {
  readonly start: Start;
  readonly outcome: CommandOutcome;
  readonly reported: ReportedCounts | undefined;
}

function describeEnded(
  { outcome, reported, start: { plan, recording } }: EndedRun,
  { artifacts, spooled, summary }: Ended,
): string {
  const own = hasReported(reported) ? `; ${countOf(reported.results, 'result')} of its own` : '';
  const where = spooled === undefined ? '' : `; they wait in ${spooled}`;
  return `${recording?.id ?? plan.id}: the command ${describeEnd(outcome)}; ${describeUpload(summary)}${own}${describeArtifacts(artifacts)}${where}`;
}

function jsonOf(
  { outcome, reported, start: { plan, recording } }: EndedRun,
  { artifacts, spooled, summary }: Ended,
) {
  const { cancelledBy, exitCode, killedBy } = outcome;
  const told = recording && { attempt: recording.attempt, superseded: recording.superseded };
  return {
    invocation: recording?.id ?? plan.id,
    ...told,
    exitCode,
    ...(killedBy === undefined ? {} : { killedBy }),
    ...(cancelledBy === undefined ? {} : { cancelledBy }),
    ...(spooled === undefined ? {} : { spooled }),
    ...(hasReported(reported) ? { reported } : {}),
    ...summary,
    ...(artifacts && { artifacts }),
  };
}

function exitCodeOf({ cancelledBy, exitCode }: CommandOutcome, summary: UploadSummary): number {
  if (cancelledBy !== undefined) return exitCodeOfSignal(cancelledBy);
  if (exitCode !== 0) return exitCode;
  return summary.complete ? EXIT.ok : EXIT.badInput;
}
