/**
 * A worker process whose handler kills it: `node dying-worker.ts postgres URL SCHEMA`, `pglite FOLDER`, or
 * `spanner DATABASE HOST`. It begins with tasks that are done at once, so that the others are leased ahead.
 * It ends gracefully once no live task is left.
 */

import { Dispatcher, TaskInspector, TaskQueue } from '@postlude/queue';
import { randomHex, systemClock } from '@postlude/queue/foundations';
import { KILLER, MAX_ATTEMPTS, openDyingDatabase, QUICK } from './dying-tasks.ts';
import { EFFECT, effects } from './task-effects.ts';

// The parent process is gone, so this one ends as well.
process.once('disconnect', () => process.exit(1));

const place = process.argv.slice(2);
const db = await openDyingDatabase(place);
const queue = new TaskQueue({ db, clock: systemClock });
const anHourAgo = systemClock.now() - 3_600_000;
await queue.enqueue(
  Array.from({ length: 20 }, (_, index) => ({
    type: EFFECT,
    id: `${QUICK}${process.pid}-${index}`,
    processAfter: anHourAgo,
  })),
);
const living = () => new TaskInspector({ db }).list({ limit: 1_000 });
const stop = new AbortController();
const dispatcher = new Dispatcher({
  queue,
  // The emulator is slow, and a lease must not expire while its process lives.
  leaseMs: place[0] === 'spanner' ? 5_000 : 1_000,
  pollMs: 50,
  workers: 1,
  handlers: [
    {
      type: EFFECT,
      maxAttempts: MAX_ATTEMPTS,
      handle: async ({ id }) => {
        if (id.startsWith(QUICK)) return;
        // Records the start, however the task ends.
        await db.write((tx) => tx.insert(effects, [{ nonce: randomHex(16), taskId: id }]));
        if (id !== KILLER) return;
        // Tasks that are done but not yet settled would die with the process as well.
        while ((await living()).some((task) => task.id.startsWith(QUICK))) {
          await systemClock.sleep(20);
        }
        process.kill(process.pid, 'SIGKILL');
      },
    },
  ],
});
const running = dispatcher.run(stop.signal);
while ((await living()).length > 0) await systemClock.sleep(50);
stop.abort();
await running;
await db.close();
process.removeAllListeners('disconnect');
process.disconnect?.();
