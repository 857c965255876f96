/** postlude with wake-ups across processes, as `postlude serve` has them. */
import { DatabaseWakeUp, Dispatcher, standardPayload, TaskQueue, taskType } from '@postlude/queue';
import { systemClock } from '@postlude/queue/foundations';
import { openPostgres } from '@postlude/queue/postgres';
import { z } from 'zod';
import type { Pickup } from './pickup.ts';

const TYPE = taskType('pickup', standardPayload(z.object({ sentAt: z.string() })));

export const postludePickup: Pickup = {
  configuration: 'enqueue() and one Dispatcher with their defaults and DatabaseWakeUp',

  async openEnqueuer(url) {
    const { db, wakeUp, queue } = await open(url);
    return {
      enqueue: async (sentAt) =>
        void (await queue.enqueue([{ type: TYPE, id: sentAt, payload: { sentAt } }])),
      async close() {
        await wakeUp.close();
        await db.close();
      },
    };
  },

  async startWorker(url, handled) {
    const { db, wakeUp, queue } = await open(url);
    const handler = {
      type: TYPE,
      handle: async ({ payload }: Received) => handled(payload.sentAt),
    };
    const dispatcher = new Dispatcher({ queue, wakeUp, handlers: [handler] });
    const stop = new AbortController();
    const running = dispatcher.run(stop.signal);
    return {
      async stop() {
        stop.abort();
        await running;
        await wakeUp.close();
        await db.close();
      },
    };
  },
};

interface Received {
  readonly payload: { readonly sentAt: string };
}

async function open(url: string) {
  const db = await openPostgres({ url, schema: 'pickup' });
  await db.migrate();
  const wakeUp = await DatabaseWakeUp.open(db.notifications);
  return { db, wakeUp, queue: new TaskQueue({ db, clock: systemClock, wakeUp }) };
}
