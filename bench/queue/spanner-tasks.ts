/**
 * What does a task cost Spanner? Counts commits, reads and rows written at the API: for each enqueued task,
 * alone and in batches of 100, and for each processed task, alone and from a long queue.
 *
 *     npm run bench -- spanner-tasks [--tasks 1000] [--json]
 */

import { Dispatcher, noPayload, TaskQueue, taskType } from '@postlude/queue';
import { chunk, systemClock } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import { CommandLine } from '../../scripts/command-line.ts';
import { readConditions } from '../conditions/conditions.ts';
import { type CountedDatabase, difference, each, onSpanner } from '../graphs/spanner-bench.ts';

const line = new CommandLine({
  command: 'npm run bench -- spanner-tasks',
  options: {
    tasks: { type: 'string', default: '1000' },
    json: { type: 'boolean', default: false },
  },
});
const TASKS = line.count('tasks', 200);
const BATCH = 100;
const NOTHING = taskType('nothing', noPayload);

type Step = (queue: TaskQueue, db: Database) => Promise<void>;

const steps: Readonly<Record<string, { readonly tasks: number; readonly run: Step }>> = {
  alone: { tasks: BATCH, run: oneByOne },
  enqueued_alone: { tasks: BATCH, run: (queue) => enqueue(queue, BATCH, 1) },
  enqueued_in_batches: {
    tasks: TASKS - BATCH,
    run: (queue) => enqueue(queue, TASKS - BATCH, BATCH),
  },
  processed: { tasks: TASKS, run: (queue) => process(queue, TASKS) },
};

await onSpanner(async (open) => {
  const counted = await open('bench_tasks');
  const ratios: Record<string, number> = {};
  for (const [name, { tasks, run }] of Object.entries(steps)) {
    const counts = each(await count(counted, run), tasks);
    console.error(`${name}: ${JSON.stringify(counts)}`);
    for (const [what, value] of Object.entries(counts)) ratios[`${what}_${name}`] = value;
  }
  await counted.db.close();
  const conditions = await readConditions();
  console.log(JSON.stringify({ bench: 'spanner-tasks', ratios, conditions }));
});

async function count({ db, counts }: CountedDatabase, run: Step) {
  const before = counts();
  await run(new TaskQueue({ db, clock: systemClock }), db);
  return difference(counts(), before);
}

async function enqueue(queue: TaskQueue, number: number, batch: number): Promise<void> {
  const tasks = Array.from({ length: number }, (_, index) => ({
    type: NOTHING,
    id: `${batch}-${index}`,
  }));
  for (const some of chunk(tasks, batch)) await queue.enqueue(some);
}

/** Enqueues and processes one task after the other. */
async function oneByOne(queue: TaskQueue): Promise<void> {
  for (let index = 0; index < BATCH; index++) {
    await queue.enqueue([{ type: NOTHING, id: `alone-${index}` }]);
    await process(queue, 1);
  }
}

async function process(queue: TaskQueue, expected: number): Promise<void> {
  const handlers = [{ type: NOTHING, handle: async () => undefined }];
  const attempts = await new Dispatcher({ queue, handlers }).runOnce();
  if (attempts !== expected) throw new Error(`${attempts} attempts at ${expected} tasks`);
}
