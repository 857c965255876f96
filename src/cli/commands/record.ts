import { Command } from 'commander';
import { toError } from '../../errors.ts';
import { Invocation_State } from '../../gen/luci/resultdb/v1/invocation_pb.js';
import { CLIENT_VARIABLES } from '../../server/client-variables.ts';
import { addGlobalOptions, type CommandMaker, collect, outputOf, progressOf } from '../command.ts';
import { type Connection, connect } from '../connection.ts';
import { type CliContext, CliError, EXIT } from '../context.ts';
import { EarlierFiles } from '../earlier-files.ts';
import { findReports } from '../find-reports.ts';
import { invocationName, parseInvocation } from '../invocation-argument.ts';
import {
  addNewInvocationOptions,
  createInvocation,
  generatedInvocationId,
  type NewInvocationOptions,
} from '../new-invocation.ts';
import { toRpcFailure } from '../rpc-errors.ts';
import { type CommandEnd, runCommand } from '../spawn.ts';
import { UPDATE_TOKEN_HEADER } from '../tokens.ts';
import { addUploadOptions, type UploadOptions, variantOf } from '../upload-options.ts';
import {
  describeUpload,
  type Upload,
  type UploadSummary,
  uploadReports,
} from '../upload-reports.ts';

interface RecordOptions extends NewInvocationOptions, UploadOptions {
  readonly id?: string;
  readonly reports?: readonly string[];
  readonly acceptUnchanged?: boolean;
}

const MORE = `
The command runs with POSTLUDE_INVOCATION, POSTLUDE_UPDATE_TOKEN and POSTLUDE_SERVER in its
environment. Its output stays as it is: what record has to say goes to standard error. With --json
the output of the command goes there, too, and standard output has one object.

Repeated with the same --id, while that invocation is open, it goes on with it. Reports are
uploaded whether the command fails or not. Each --reports must find a file that the command has
written; !GLOB leaves files out. What is as it was before the command is from an earlier run, and
is left out; --accept-unchanged takes it, too, for build tools that skip what is up to date.

Ends with the exit code of the command (128 + its number where a signal killed it); where that is
0, with 2 if a report is damaged or missing, with 1 if the results cannot be uploaded. With 127
where the command cannot be started (the invocation then stays open).`;

export const recordCommand: CommandMaker = (context, setExitCode) =>
  commandLine().action(
    async (words: [string, ...string[]], options: RecordOptions, command: Command) => {
      const id = options.id ?? generatedInvocationId();
      const output = outputOf(context, command);
      const connection = connect(context, command);
      const token = await openInvocation(context, connection, id, options);
      output.note(`recording invocation ${id}`);
      const earlier = await earlierReports(context, options);

      const end = await runCommand({
        command: words,
        cwd: context.cwd,
        env: environment(context.env, { id, server: connection.url, token }),
        stdout: output.isJson ? 'stderr' : 'stdout',
        signal: context.signal,
      });
      if (context.signal.aborted) throw interrupted(id, end);
      const upload = {
        ...{ context, connection, output },
        progress: progressOf(context, command),
        invocationId: id,
        headers: { [UPDATE_TOKEN_HEADER]: token },
        patterns: options.reports ?? [],
        earlier,
        variant: variantOf(options),
        repo: options.repo,
      };
      const summary = await uploadAndFinalize(upload).catch((error: unknown) => {
        throw context.signal.aborted ? interrupted(id, end) : notUploaded(id, end, error);
      });
      if (output.isJson) {
        output.result({ invocation: id, exitCode: end.exitCode, ...summary }, () => '');
      }
      output.note(describe(id, end, summary));
      setExitCode(exitCodeOf(end, summary));
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
    .passThroughOptions();
  return addGlobalOptions(
    addUploadOptions(addNewInvocationOptions(command)).addHelpText('after', MORE),
  );
}

/** Answers the update token. What is complete takes no more results: better said before the tests. */
async function openInvocation(
  context: CliContext,
  connection: Connection,
  id: string,
  options: NewInvocationOptions,
): Promise<string> {
  const request = { id, options, finalize: false };
  const { invocation, token } = await createInvocation(context, connection, request);
  if (invocation.state === Invocation_State.ACTIVE) return token;
  throw new CliError(
    `invocation ${id} is complete already: record this attempt as another one, ${id}-try-2 say, and include both`,
  );
}

/** What lies where the command will write: a workspace may be used for many runs. */
async function earlierReports(
  { cwd }: CliContext,
  { acceptUnchanged, reports = [] }: RecordOptions,
): Promise<EarlierFiles> {
  if (acceptUnchanged) return EarlierFiles.none;
  return EarlierFiles.at((await findReports(cwd, reports)).files);
}

function environment(
  inherited: Readonly<Record<string, string | undefined>>,
  own: { readonly id: string; readonly server: string; readonly token: string },
): Record<string, string | undefined> {
  return {
    ...inherited,
    [CLIENT_VARIABLES.invocation]: own.id,
    [CLIENT_VARIABLES.server]: own.server,
    [CLIENT_VARIABLES.updateToken]: own.token,
  };
}

async function uploadAndFinalize(upload: Upload): Promise<UploadSummary> {
  const { connection, headers, invocationId, output, patterns } = upload;
  if (patterns.length === 0) {
    output.warn('no --reports: nothing is recorded but what the command uploads itself');
  }
  const summary = await uploadReports(upload);
  await connection.retry(() =>
    connection.recorder.finalizeInvocation({ name: invocationName(invocationId) }, { headers }),
  );
  return summary;
}

/** Whoever stops us may start us again: the invocation stays open for that. */
function interrupted(id: string, { exitCode }: CommandEnd): CliError {
  return new CliError(
    `interrupted; invocation ${id} stays open: record it again, or finalize it`,
    exitCode || EXIT.error,
  );
}

function notUploaded(id: string, { exitCode }: CommandEnd, error: unknown): CliError {
  return new CliError(
    `${(toRpcFailure(error) ?? toError(error)).message}\n  the command ended with ${exitCode}; invocation ${id} stays open: upload its reports, then finalize it`,
    exitCode || EXIT.error,
    { cause: error },
  );
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
