/** Goodput and latency against offered load, whether or not requests before have been answered. */
import { Code, ConnectError } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { systemClock } from '@postlude/queue/foundations';
import { latencies } from '../overdue/request-load.ts';
import { openCaller, type SendBatch, Served } from './served.ts';

export interface CurveOptions {
  readonly seconds: number;
  /** Multiples of the capacity. */
  readonly multiples: readonly number[];
  readonly flags: readonly string[];
  readonly note: (text: string) => void;
}

const CALLERS = 8;
const BATCH = { results: 50, bytesEach: 100 };
/** A response that takes longer is of no use. */
const IN_TIME_MS = 10_000;
/** The default of servers that others can reach. */
const AS_EXPOSED = ['--max-wait', '5s'];
const TICK_MS = 20;

let sent = 0;

export async function drawCurve({ flags, multiples, note, seconds }: CurveOptions) {
  const server = await Served.start([...AS_EXPOSED, ...flags]);
  try {
    const names = Array.from({ length: CALLERS }, (_, index) => `caller-${index}`);
    const callers = await Promise.all(
      names.map((name) => {
        const transport = createGrpcTransport({ baseUrl: server.url });
        return openCaller(transport, name, BATCH);
      }),
    );
    await closedLoop(callers, seconds); // until code is compiled
    const capacity = await closedLoop(callers, seconds);
    note(`capacity: ${capacity} batches a second`);
    const points = [];
    for (const multiple of multiples) {
      const point = await openLoop(callers, capacity * multiple, seconds);
      note(`${multiple}x: ${JSON.stringify(point)}`);
      points.push({ multiple, ...point });
    }
    return { capacity_per_second: capacity, points, peak_mb: server.memoryMb('VmHWM') };
  } finally {
    await server.stop();
  }
}

/** Each caller sends its next batch after the response. Returns the batches a second. */
async function closedLoop(callers: readonly SendBatch[], seconds: number): Promise<number> {
  const until = performance.now() + seconds * 1000;
  let done = 0;
  await Promise.all(
    callers.map(async (send) => {
      while (performance.now() < until) {
        await send(sent++);
        done += 1;
      }
    }),
  );
  return Math.round((done / seconds) * 10) / 10;
}

async function openLoop(callers: readonly SendBatch[], perSecond: number, seconds: number) {
  const tookMs: number[] = [];
  const running = new Set<Promise<void>>();
  const counts = { offered: 0, refused: 0, late: 0 };
  const send = async (caller: SendBatch): Promise<void> => {
    const startedAt = performance.now();
    try {
      await caller(sent++, AbortSignal.timeout(IN_TIME_MS));
      tookMs.push(performance.now() - startedAt);
    } catch (error) {
      const isRefused = ConnectError.from(error).code === Code.ResourceExhausted;
      counts[isRefused ? 'refused' : 'late'] += 1;
    }
  };
  const startedAt = performance.now();
  for (let passed = 0; passed < seconds; passed = (performance.now() - startedAt) / 1000) {
    while (counts.offered < passed * perSecond) {
      const caller = callers[counts.offered++ % callers.length] as SendBatch;
      const run = send(caller).finally(() => running.delete(run));
      running.add(run);
    }
    await systemClock.sleep(TICK_MS);
  }
  await Promise.all(running);
  // What is answered after the load has ended was waiting meanwhile, so its time counts as well.
  const wallSeconds = (performance.now() - startedAt) / 1000;
  const { medianMs, p99Ms } = latencies(tookMs);
  const goodput = Math.round((tookMs.length / wallSeconds) * 10) / 10;
  return { ...counts, in_time: tookMs.length, goodput, p50_ms: medianMs, p99_ms: p99Ms };
}
