import { Command } from 'commander';
import { describeArtifacts } from '../../artifacts/describe-artifacts.ts';
import { sendArtifacts } from '../../artifacts/upload-artifacts.ts';
import { addGlobalOptions, type CommandMaker, outputOf, progressOf } from '../../command.ts';
import { connect } from '../../connection/connection.ts';
import { updateHeaders } from '../../connection/tokens.ts';
import { EXIT } from '../../context.ts';
import { parseInvocation } from '../../invocation-argument.ts';
import { serverSink } from '../../reports/server-sink.ts';
import { addUploadOptions, type UploadOptions, variantOf } from '../../reports/upload-options.ts';
import { describeUpload, uploadReports } from '../../reports/upload-reports.ts';

interface Options extends UploadOptions {
  readonly invocation: string;
  readonly token?: string;
}

export const uploadCommand: CommandMaker = (context, setExitCode) =>
  addGlobalOptions(
    addUploadOptions(
      new Command('upload')
        .description('record the results of test reports in an invocation; safe to repeat')
        .argument('<reports...>', 'report files, or glob patterns in quotes')
        .requiredOption(
          '--invocation <id>',
          'the invocation to upload to; it must still be ACTIVE',
          parseInvocation,
        )
        .option('--token <token>', 'its update token, if another client created it'),
    ).addHelpText(
      'after',
      '\nExits with 2 if a report is damaged or not understood; the others are uploaded anyway.',
    ),
  ).action(async (patterns: string[], options: Options, command: Command) => {
    const connection = connect(context, command);
    const output = outputOf(context, command);
    const source = { context, connection, given: options.token };
    const upload = {
      context,
      output,
      patterns,
      progress: progressOf(context, command),
      variant: variantOf(options),
      repo: options.repo,
      followLinks: options.followLinks,
      artifacts: options.artifacts ?? [],
    };
    const headers = await updateHeaders(source, options.invocation);
    const { invocation } = options;
    const sink = serverSink({ clock: context.clock, connection, headers, invocation });
    const summary = await uploadReports(upload, sink);
    const artifacts = await sendArtifacts(upload, { connection, headers, invocation });
    output.result(
      { invocation, ...summary, ...(artifacts && { artifacts }) },
      () => describeUpload(summary) + describeArtifacts(artifacts),
    );
    if (!summary.complete) setExitCode(EXIT.badInput);
  });
