/**
 * The process of a worker that measures: `node bench/latency/worker.ts NAME URL`. Prints "ready", and then a
 * line with the latency of each task, in milliseconds, at the start of its handler. Ends with its input.
 */
import { once } from 'node:events';
import { msSince } from './pickup.ts';
import { PICKUPS, type PickupName } from './queues.ts';

const [name, url = ''] = process.argv.slice(2);
const worker = await PICKUPS[name as PickupName].startWorker(url, (sentAt) => {
  process.stdout.write(`${msSince(sentAt)}\n`);
});
process.stdout.write('ready\n');
process.stdin.resume();
await once(process.stdin, 'end');
await worker.stop();
