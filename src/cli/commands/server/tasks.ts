import { Argument, Command } from 'commander';
import {
  type DeadTask,
  type GetTaskResponse,
  type Task,
  Task_State,
} from '../../../gen/postlude/v1/tasks_pb.js';
import { addGlobalOptions, type CommandMaker, outputOf } from '../../command.ts';
import { type Connection, connect } from '../../connection/connection.ts';
import { type CliContext, CliError, EXIT } from '../../context.ts';
import { parseLimit } from '../../option-values.ts';
import { isoTime } from '../../terminal/describe.ts';
import { hangingLines } from '../../terminal/visible-text.ts';

const PAGE_SIZE = 500;
const STATES = ['due', 'leased', 'scheduled', 'dead'] as const;

interface ListOptions {
  readonly type?: string;
  readonly limit: number;
}

interface RedriveOptions {
  readonly type?: string;
  readonly id?: string;
  readonly all?: boolean;
}

export const tasksCommand: CommandMaker = (context) =>
  addGlobalOptions(new Command('tasks'))
    .description('inspect the task queue, and retry its dead tasks')
    .addCommand(listCommand(context))
    .addCommand(showCommand(context))
    .addCommand(redriveCommand(context));

function listCommand(context: CliContext): Command {
  return addGlobalOptions(
    new Command('list')
      .description('list tasks, oldest first')
      .addArgument(new Argument('[state]', 'only tasks in this state').choices([...STATES]))
      .option('--type <type>', 'only tasks of this type: finalize, bq_export, …')
      .option('--limit <n>', 'how many to list at most', parseLimit, 100),
  ).action(async (state: string | undefined, options: ListOptions, command: Command) => {
    const output = outputOf(context, command);
    const connection = connect(context, command);
    const rows: Row[] = [];
    for await (const row of rowsOf(connection, state, options.type ?? '')) {
      if (rows.length === options.limit) break;
      rows.push(row);
    }
    if (output.isJson) for (const row of rows) output.result(row, () => '');
    else output.result(rows, () => (rows.length === 0 ? 'no tasks' : output.table(tableOf(rows))));
  });
}

function showCommand(context: CliContext): Command {
  return addGlobalOptions(
    new Command('show')
      .description('print one task, live or dead, with its last error')
      .argument('<type>', 'the type of the task')
      .argument('<id>', 'the id of the task'),
  ).action(async (type: string, id: string, _options: unknown, command: Command) => {
    const { found } = await connect(context, command).tasks.getTask({ name: { type, id } });
    const row = rowOf(found);
    outputOf(context, command).result(row, () =>
      Object.entries(row)
        .filter(([, value]) => value !== undefined && value !== '')
        .flatMap(([name, value]) => hangingLines(`${name.padEnd(13)} `, String(value))),
    );
  });
}

function redriveCommand(context: CliContext): Command {
  return addGlobalOptions(
    new Command('redrive')
      .description('put dead tasks back into the queue, with all their attempts')
      .option('--type <type>', 'all dead tasks of this type')
      .option('--id <id>', 'only this dead task (with --type)')
      .option('--all', 'all dead tasks'),
  ).action(async (options: RedriveOptions, command: Command) => {
    const { tasks, longCall } = connect(context, command);
    const { redriven } = await tasks.redriveTasks({ target: redriveTarget(options) }, longCall);
    outputOf(context, command).result({ redriven: Number(redriven) }, () => `${redriven} redriven`);
  });
}

function redriveTarget({ type, id, all }: RedriveOptions) {
  if (all && type === undefined && id === undefined) return { case: 'all', value: true } as const;
  if (!all && type !== undefined) {
    return id === undefined
      ? ({ case: 'type', value: type } as const)
      : ({ case: 'task', value: { type, id } } as const);
  }
  throw new CliError('say what to redrive: --all, or --type T, or --type T --id ID', EXIT.badInput);
}

/** A live or dead task, as it is printed. */
interface Row {
  readonly type: string;
  readonly id: string;
  readonly state: string;
  readonly invocation: string;
  readonly attempt: number;
  readonly due: string | undefined;
  readonly error: string;
}

async function* rowsOf(
  { tasks }: Connection,
  state: string | undefined,
  type: string,
): AsyncGenerator<Row> {
  let pageToken = '';
  do {
    const request = { type, pageSize: PAGE_SIZE, pageToken };
    if (state === 'dead') {
      const page = await tasks.listDeadTasks(request);
      yield* page.tasks.map(deadRow);
      pageToken = page.nextPageToken;
    } else {
      const page = await tasks.listTasks({ ...request, state: stateFilter(state) });
      yield* page.tasks.map(liveRow);
      pageToken = page.nextPageToken;
    }
  } while (pageToken !== '');
}

function rowOf(found: GetTaskResponse['found']): Row {
  if (found.case === 'task') return liveRow(found.value);
  if (found.case === 'dead') return deadRow(found.value);
  throw new CliError(
    'the server returned neither a live nor a dead task: is it newer than this client?',
  );
}

function stateFilter(state: string | undefined): Task_State {
  if (state === 'due') return Task_State.DUE;
  if (state === 'leased') return Task_State.LEASED;
  return state === 'scheduled' ? Task_State.SCHEDULED : Task_State.UNSPECIFIED;
}

function liveRow(task: Task): Row {
  const { type, id, invocation, attempt, lastError } = task;
  const due = isoTime(task.processAfter);
  return { type, id, state: Task_State[task.state], invocation, attempt, due, error: lastError };
}

function deadRow(task: DeadTask): Row {
  const { type, id, invocation, attempts, reason } = task;
  const due = isoTime(task.deadTime);
  return { type, id, state: 'DEAD', invocation, attempt: attempts, due, error: reason };
}

function tableOf(rows: readonly Row[]): string[][] {
  const head = ['TYPE', 'ID', 'STATE', 'ATTEMPT', 'DUE / DIED', 'LAST ERROR'];
  const body = rows.map((row) => [
    row.type,
    row.id,
    row.state,
    String(row.attempt),
    row.due ?? '',
    row.error.split('\n')[0] ?? '',
  ]);
  return [head, ...body];
}
