import { Dispatcher, TaskQueue, type TaskType } from '@postlude/queue';
import { systemClock } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';

/** Processes tasks that do nothing by a handler of batches, until `count` are done. Returns how many were. */
export async function drainByBatches(
  db: Database,
  type: TaskType<undefined>,
  count: number,
): Promise<number> {
  let handled = 0;
  const stop = new AbortController();
  const dispatcher = new Dispatcher({
    queue: new TaskQueue({ db, clock: systemClock }),
    handlers: [
      {
        type,
        maxBatch: 500,
        handleBatch: async (tasks) => {
          handled += tasks.length;
          if (handled >= count) stop.abort();
        },
      },
    ],
  });
  await dispatcher.run(stop.signal);
  return handled;
}
