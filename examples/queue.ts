import { Dispatcher, LocalWakeUp, standardPayload, TaskQueue, taskType } from '@postlude/queue';
import { openPglite } from '@postlude/queue/pglite';
import { openPostgres } from '@postlude/queue/postgres';
import { z } from 'zod'; // or any other Standard Schema validator

const url = process.env.DATABASE_URL;
const db = url ? await openPostgres({ url }) : await openPglite();
await db.migrate();

const wakeUp = new LocalWakeUp();
const queue = new TaskQueue({ db, wakeUp });
const EMAIL = taskType('email', standardPayload(z.object({ to: z.email() })));

// Enqueued if and only if the transaction commits. The same id twice is one task.
await db.write(async (tx) => {
  await queue.enqueue([{ type: EMAIL, id: 'welcome/ada', payload: { to: 'ada@example.com' } }], tx);
});

const stop = new AbortController();
const dispatcher = new Dispatcher({
  queue,
  wakeUp,
  handlers: [
    {
      type: EMAIL,
      handle: async (task, { complete }) => {
        console.log(`attempt ${task.attempt}: a letter to ${task.payload.to}`);
        // What this transaction writes takes effect exactly once, with the task's completion.
        await db.write((tx) => complete(tx));
        stop.abort();
      },
    },
  ],
});
await dispatcher.run(stop.signal);
await db.close();
