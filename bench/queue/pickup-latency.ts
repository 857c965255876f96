/**
 * How long does a task wait, from the call that enqueues it in one process until its handler starts in
 * another, while the worker is idle? One task at a time, at random moments, for each queue in turn, compared
 * with graphile-worker as it is faster: with a local queue or without. Percentiles are medians of rounds.
 *
 *     npm run bench -- pickup-latency [--tasks 200] [--rounds 5] [--pause 5] [--no-peers]
 *       [--unsafe-fast] [--json]
 */
import { systemClock, systemRandom } from '@postlude/queue/foundations';
import { CommandLine } from '../../scripts/command-line.ts';
import { SERVER_OPTIONS, startBenchServer } from '../conditions/bench-server.ts';
import { readConditions } from '../conditions/conditions.ts';
import { PEER_OPTIONS } from '../contenders/open-contenders.ts';
import { type Enqueuer, now } from '../latency/pickup.ts';
import { PICKUPS, type PickupName } from '../latency/queues.ts';
import { WorkerProcess } from '../latency/worker-process.ts';
import { installPeers } from '../peers/install.ts';
import { median, percentile, ratio } from '../rounds/statistics.ts';

const line = new CommandLine({
  command: 'npm run bench -- pickup-latency',
  options: {
    tasks: { type: 'string', default: '200' },
    rounds: { type: 'string', default: '5' },
    /** The mean pause between two tasks, in milliseconds. */
    pause: { type: 'string', default: '5' },
    ...PEER_OPTIONS,
    ...SERVER_OPTIONS,
  },
});
const TASKS = line.count('tasks');
const PAUSE_MS = line.count('pause', 0);
const GRAPHILE: readonly PickupName[] = ['graphile_worker', 'graphile_worker_batching'];
const NAMES: readonly PickupName[] = line.values['no-peers']
  ? ['postlude']
  : ['postlude', ...GRAPHILE];
const peer_versions = line.values['no-peers'] ? {} : installPeers();

interface Percentiles {
  readonly p50: number;
  readonly p99: number;
}

const server = await startBenchServer(line.values);
try {
  const rounds: Record<string, Percentiles[]> = {};
  for (let round = 1; round <= line.count('rounds'); round++) {
    for (const name of NAMES) {
      const figures = await measure(name);
      rounds[name] = [...(rounds[name] ?? []), figures];
      console.error(`round ${round}: ${name} p50 ${figures.p50} ms, p99 ${figures.p99} ms`);
    }
  }
  await report(rounds);
} finally {
  await server.stop();
}

async function measure(name: PickupName): Promise<Percentiles> {
  const enqueuer = await PICKUPS[name].openEnqueuer(server.url);
  const worker = await WorkerProcess.start(name, server.url);
  await send(enqueuer, worker, Math.min(20, TASKS)); // warms both processes up
  const latencies = await send(enqueuer, worker, TASKS);
  await worker.stop();
  await enqueuer.close();
  return { p50: round(percentile(latencies, 0.5)), p99: round(percentile(latencies, 0.99)) };
}

async function send(enqueuer: Enqueuer, worker: WorkerProcess, count: number): Promise<number[]> {
  const latencies: number[] = [];
  for (let sent = 0; sent < count; sent++) {
    await systemClock.sleep(2 * PAUSE_MS * systemRandom());
    const [latency] = await Promise.all([worker.latency(), enqueuer.enqueue(now())]);
    latencies.push(latency);
  }
  return latencies;
}

async function report(rounds: Readonly<Record<string, readonly Percentiles[]>>): Promise<void> {
  const middle = (name: PickupName, which: keyof Percentiles): number =>
    round(median((rounds[name] ?? []).map((one) => one[which])));
  const fastest = (which: keyof Percentiles): number | undefined =>
    NAMES.length === 1 ? undefined : Math.min(...GRAPHILE.map((name) => middle(name, which)));
  console.log(
    JSON.stringify({
      bench: 'pickup-latency',
      ratios: {
        p50_graphile: ratio(middle('postlude', 'p50'), fastest('p50')),
        p99_graphile: ratio(middle('postlude', 'p99'), fastest('p99')),
      },
      milliseconds: Object.fromEntries(
        NAMES.map((name) => [name, { p50: middle(name, 'p50'), p99: middle(name, 'p99') }]),
      ),
      rounds,
      tasks: TASKS,
      pause_ms: PAUSE_MS,
      peer_versions,
      contenders: Object.fromEntries(NAMES.map((name) => [name, PICKUPS[name].configuration])),
      conditions: await readConditions(server.url),
    }),
  );
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
