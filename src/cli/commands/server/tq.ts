import { Command } from 'commander';
import type { DeadReminder, Reminder } from '../../../gen/postlude/v1/push_tasks_pb.js';
import { addGlobalOptions, type CommandMaker, outputOf } from '../../command.ts';
import { connect } from '../../connection/connection.ts';
import { type CliContext, CliError, EXIT } from '../../context.ts';
import { parseLimit } from '../../option-values.ts';
import { describeSweep, isSweptClean } from '../../sweep-outcome.ts';
import { isoTime } from '../../terminal/describe.ts';
import type { Output } from '../../terminal/output.ts';

const PAGE_SIZE = 500;

export const tqCommand: CommandMaker = (context, setExitCode) =>
  addGlobalOptions(new Command('tq'))
    .description('inspect pushed tasks that are not in their queue yet')
    .addCommand(remindersCommand(context))
    .addCommand(deadCommand(context))
    .addCommand(redriveCommand(context))
    .addCommand(sweepCommand(context, setExitCode));

interface ListOptions {
  readonly limit: number;
}

function remindersCommand(context: CliContext): Command {
  return listCommand(
    'reminders',
    'list reminders: tasks that may not have reached their queue yet',
  ).action(async ({ limit }: ListOptions, command: Command) => {
    const { pushTasks } = connect(context, command);
    const pages = pagesOf(async (page) => {
      const { reminders, nextPageToken } = await pushTasks.listReminders(page);
      return { rows: reminders.map(reminderRow), nextPageToken };
    });
    await printRows(outputOf(context, command), pages, { limit, none: 'no reminders' });
  });
}

function deadCommand(context: CliContext): Command {
  return listCommand(
    'dead',
    'list reminders whose tasks were refused for good, with the reasons',
  ).action(async ({ limit }: ListOptions, command: Command) => {
    const { pushTasks } = connect(context, command);
    const pages = pagesOf(async (page) => {
      const { reminders, nextPageToken } = await pushTasks.listDeadReminders(page);
      return { rows: reminders.map(deadRow), nextPageToken };
    });
    await printRows(outputOf(context, command), pages, { limit, none: 'no dead reminders' });
  });
}

function redriveCommand(context: CliContext): Command {
  return addGlobalOptions(
    new Command('redrive')
      .description('have the next sweep submit dead reminders again')
      .argument('[id]', 'only this dead reminder')
      .option('--all', 'all dead reminders'),
  ).action(async (id: string | undefined, { all }: { all?: boolean }, command: Command) => {
    const target = redriveTarget(id, all ?? false);
    const { pushTasks, longCall } = connect(context, command);
    const { redriven } = await pushTasks.redriveReminders({ target }, longCall);
    outputOf(context, command).result({ redriven: Number(redriven) }, () => `${redriven} redriven`);
  });
}

function sweepCommand(context: CliContext, setExitCode: (code: number) => void): Command {
  return addGlobalOptions(
    new Command('sweep')
      .description('have the server submit the tasks of stale reminders now')
      .addHelpText('after', '\nExits with 1 if a task could not be submitted.'),
  ).action(async (_options: unknown, command: Command) => {
    const { pushTasks, longCall } = connect(context, command);
    const answer = await pushTasks.sweepReminders({}, longCall);
    const outcome = {
      scanned: Number(answer.scanned),
      stale: Number(answer.stale),
      submitted: Number(answer.submitted),
      kept: Number(answer.kept),
      dead: Number(answer.dead),
      missing: Number(answer.missing),
      isWhole: answer.whole,
    };
    outputOf(context, command).result(outcome, () => describeSweep(outcome));
    if (!isSweptClean(outcome)) setExitCode(EXIT.error);
  });
}

function listCommand(name: string, description: string): Command {
  return addGlobalOptions(
    new Command(name)
      .description(description)
      .option('--limit <n>', 'how many to list at most', parseLimit, 100),
  );
}

function redriveTarget(id: string | undefined, all: boolean) {
  if (id !== undefined && !all) return { case: 'id', value: id } as const;
  if (id === undefined && all) return { case: 'all', value: true } as const;
  throw new CliError('say what to redrive: ID, or --all', EXIT.badInput);
}

/** The printed fields of a reminder, keyed by their headings. */
type Row = Readonly<Record<string, string>>;

function reminderRow(reminder: Reminder): Row {
  const { id, classId, stale } = reminder;
  return {
    id,
    class: classId,
    state: stale ? 'STALE' : 'FRESH',
    created: isoTime(reminder.createTime) ?? '',
    freshUntil: isoTime(reminder.freshUntil) ?? '',
  };
}

function deadRow(reminder: DeadReminder): Row {
  const { id, classId, reason } = reminder;
  return {
    id,
    class: classId,
    created: isoTime(reminder.createTime) ?? '',
    died: isoTime(reminder.deadTime) ?? '',
    reason,
  };
}

interface Page {
  readonly rows: readonly Row[];
  readonly nextPageToken: string;
}

async function* pagesOf(
  read: (page: { readonly pageSize: number; readonly pageToken: string }) => Promise<Page>,
): AsyncGenerator<Row> {
  let pageToken = '';
  do {
    const page = await read({ pageSize: PAGE_SIZE, pageToken });
    yield* page.rows;
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
}

async function printRows(
  output: Output,
  all: AsyncIterable<Row>,
  { limit, none }: ListOptions & { readonly none: string },
): Promise<void> {
  const rows: Row[] = [];
  for await (const row of all) {
    if (rows.push(row) === limit) break;
  }
  if (output.isJson) for (const row of rows) output.result(row, () => '');
  else output.result(rows, () => (rows.length === 0 ? none : output.table(tableOf(rows))));
}

function tableOf(rows: readonly Row[]): string[][] {
  const names = Object.keys(rows[0] ?? {});
  const head = names.map((name) => name.replace(/[A-Z]/g, ' $&').toUpperCase());
  return [head, ...rows.map((row) => names.map((name) => row[name]?.split('\n')[0] ?? ''))];
}
