/**
 * A worker process of a fault run: `node task-worker.ts URL SCHEMA [STATEMENT_TIMEOUT_MS]`. SIGTERM ends
 * it gracefully.
 */

import { Dispatcher, TaskQueue } from '@postlude/queue';
import { randomHex, systemClock } from '@postlude/queue/foundations';
import { EFFECT, effects, openFaultDatabase } from './task-effects.ts';

const [url = '', schema = '', statementTimeoutMs] = process.argv.slice(2);
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
// The parent process is gone, so this one ends as well.
process.once('disconnect', () => process.exit(1));

const db = await openFaultDatabase(
  url,
  schema,
  statementTimeoutMs === undefined ? undefined : Number(statementTimeoutMs),
);
const dispatcher = new Dispatcher({
  queue: new TaskQueue({ db, clock: systemClock }),
  leaseMs: 3_000,
  pollMs: 100,
  workers: 4,
  handlers: [
    {
      type: EFFECT,
      maxAttempts: 1_000,
      backoff: { initialMs: 20, maxMs: 500 },
      handle: async ({ id }, { complete }) => {
        await db.write(async (tx) => {
          await tx.insert(effects, [{ nonce: randomHex(16), taskId: id }]);
          await complete(tx);
        });
      },
    },
  ],
});
process.send?.('ready');
await dispatcher.run(stop.signal);
await db.close();
process.disconnect?.();
