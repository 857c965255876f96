/** postlude's own queue, with its defaults: one dispatcher in one process, which leases under fences. */
import { Dispatcher, noPayload, TaskQueue, taskType } from '@postlude/queue';
import { systemClock } from '@postlude/queue/foundations';
import { openPostgres } from '@postlude/queue/postgres';
import { type Database, int, raw } from '@postlude/queue/storage';
import { CALLERS, type Contender, Countdown, type Times } from './contender.ts';

const SCHEMA = 'bench';
const TYPE = taskType('bench', noPayload);

export async function openPostlude(url: string): Promise<Contender> {
  const db = await openPostgres({ url, schema: SCHEMA, maxConnections: CALLERS });
  await db.migrate();
  const queue = new TaskQueue({ db, clock: systemClock });
  let added = 0;
  return {
    name: 'postlude',
    configuration: 'one Dispatcher with its defaults, fenced; enqueue()',
    empty: () => execute(db, `TRUNCATE ${SCHEMA}.tasks`),
    analyze: () => execute(db, `ANALYZE ${SCHEMA}.tasks`),
    async add(count) {
      const first = added;
      added += count;
      const tasks = Array.from({ length: count }, (_, index) => newTask(first + index));
      await queue.enqueue(tasks);
    },
    async waiting() {
      const rows = await db.read((tx) =>
        tx.query(raw(`SELECT count(*) AS tasks FROM ${SCHEMA}.tasks`), { tasks: int }),
      );
      return rows[0]?.tasks ?? 0;
    },
    process: (count) => dispatch(url, count),
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

async function dispatch(url: string, count: number): Promise<Times> {
  const db = await openPostgres({ url, schema: SCHEMA });
  const stop = new AbortController();
  const countdown = new Countdown(count);
  void countdown.done.then(() => stop.abort());
  const dispatcher = new Dispatcher({
    queue: new TaskQueue({ db, clock: systemClock }),
    handlers: [{ type: TYPE, handle: async () => countdown.handled() }],
  });
  await dispatcher.run(stop.signal);
  const times = countdown.end();
  await db.close();
  return times;
}
