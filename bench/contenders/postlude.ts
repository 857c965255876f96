/**
 * postlude's own queue, with its defaults: one dispatcher in one process, which leases under fences, and hands
 * over tasks one by one or in batches.
 */
import {
  type BatchTaskHandler,
  Dispatcher,
  noPayload,
  type TaskHandler,
  TaskQueue,
  taskType,
} from '@postlude/queue';
import { systemClock } from '@postlude/queue/foundations';
import { openPostgres } from '@postlude/queue/postgres';
import { type Database, int, raw } from '@postlude/queue/storage';
import { BATCH, CALLERS, type Contender, Countdown, type Times } from './contender.ts';

const TYPE = taskType('bench', noPayload);

type Handler = TaskHandler<undefined> | BatchTaskHandler<undefined>;

export function openPostlude(url: string): Promise<Contender> {
  return openQueue(url, {
    name: 'postlude',
    configuration: 'one Dispatcher with its defaults, fenced; enqueue()',
    handler: (countdown) => ({ type: TYPE, handle: async () => countdown.handled() }),
  });
}

export function openPostludeBatches(url: string): Promise<Contender> {
  return openQueue(url, {
    name: 'postlude_batches',
    configuration: `handleBatch, maxBatch ${BATCH}, and otherwise as postlude`,
    handler: (countdown) => ({
      type: TYPE,
      maxBatch: BATCH,
      handleBatch: async (tasks) => countdown.handled(tasks.length),
    }),
  });
}

/** It has a schema of its own, which has its name. */
interface Worker extends Pick<Contender, 'name' | 'configuration'> {
  handler(countdown: Countdown): Handler;
}

async function openQueue(url: string, worker: Worker): Promise<Contender> {
  const { name, configuration } = worker;
  const db = await openPostgres({ url, schema: name, maxConnections: CALLERS });
  await db.migrate();
  const queue = new TaskQueue({ db, clock: systemClock });
  let added = 0;
  return {
    name,
    configuration,
    empty: () => execute(db, `TRUNCATE ${name}.tasks`),
    analyze: () => execute(db, `ANALYZE ${name}.tasks`),
    async add(count) {
      const first = added;
      added += count;
      const tasks = Array.from({ length: count }, (_, index) => newTask(first + index));
      await queue.enqueue(tasks);
    },
    async waiting() {
      const rows = await db.read((tx) =>
        tx.query(raw(`SELECT count(*) AS tasks FROM ${name}.tasks`), { tasks: int }),
      );
      return rows[0]?.tasks ?? 0;
    },
    process: (count) => dispatch(url, count, worker),
    close: () => db.close(),
  };
}

/** Ids do not ascend, as those of most users do not. */
function newTask(number: number) {
  return { type: TYPE, id: `${number % 97}:task-${number}` };
}

async function execute(db: Database, statement: string): Promise<void> {
  await db.statement(raw(statement), {});
}

async function dispatch(url: string, count: number, worker: Worker): Promise<Times> {
  const db = await openPostgres({ url, schema: worker.name });
  const stop = new AbortController();
  const countdown = new Countdown(count);
  void countdown.done.then(() => stop.abort());
  const dispatcher = new Dispatcher({
    queue: new TaskQueue({ db, clock: systemClock }),
    handlers: [worker.handler(countdown)],
  });
  await dispatcher.run(stop.signal);
  const times = countdown.end();
  await db.close();
  return times;
}
