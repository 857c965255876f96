import { Command } from 'commander';
import { inspect } from '../../../ingest/inspect.ts';
import { addGlobalOptions, type CommandMaker, outputOf } from '../../command.ts';
import { EXIT } from '../../context.ts';
import { describeCounts, describeProblem } from '../../reports/describe-report.ts';

export const inspectCommand: CommandMaker = (context, setExitCode) =>
  addGlobalOptions(
    new Command('inspect')
      .description('show how test reports are understood; needs no server')
      .argument('<files...>', 'the reports of one run')
      .addHelpText(
        'after',
        '\nExits with 2 if a report is damaged or not understood. With --json, prints one object:\n{format, dialect, counts, problems, complete}.',
      ),
  ).action(async (files: string[], _options: unknown, command: Command) => {
    const inspection = await inspect(files, context.signal, context.cwd);
    const { format, dialect, counts, problems, complete } = inspection;
    outputOf(context, command).result(inspection, () => [
      `format    ${format} (${dialect})`,
      `counts    ${describeCounts(counts)}`,
      `complete  ${complete ? 'yes' : 'no: results are missing'}`,
      ...problems.map((problem) => `${problem.severity.padEnd(8)}  ${describeProblem(problem)}`),
    ]);
    if (!complete) setExitCode(EXIT.badInput);
  });
