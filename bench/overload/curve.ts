/** Goodput and latency against offered load, whether or not requests before have been answered. */
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { Recorder } from '../../src/gen/luci/resultdb/v1/recorder_pb.js';
import { type Load, offer } from './load-process.ts';
import { openCaller, Served } from './served.ts';

export interface CurveOptions {
  readonly seconds: number;
  /** Multiples of the capacity. */
  readonly multiples: readonly number[];
  readonly flags: readonly string[];
  readonly note: (text: string) => void;
}

const CALLERS = 8;
const BATCH = { results: 50, bytesEach: 100 };
/** The default of servers that others can reach. */
const AS_EXPOSED = ['--max-wait', '5s'];

export async function drawCurve({ flags, multiples, note, seconds }: CurveOptions) {
  const server = await Served.start([...AS_EXPOSED, ...flags]);
  try {
    const idleMb = server.memoryMb('VmRSS');
    const recorder = createClient(Recorder, createGrpcTransport({ baseUrl: server.url }));
    const callers = await Promise.all(
      Array.from({ length: CALLERS }, (_, index) => openCaller(recorder, `caller-${index}`, BATCH)),
    );
    const load: Load = { callers, seconds, url: server.url };
    await offer(load); // until code is compiled
    const capacity = goodputOf(await offer(load));
    note(`capacity: ${capacity} batches a second`);
    const points = [];
    for (const multiple of multiples) {
      const answered = await offer({ ...load, perSecond: capacity * multiple });
      const point = { multiple, ...answered, goodput: goodputOf(answered) };
      note(`${multiple}x: ${JSON.stringify(point)}`);
      points.push(point);
    }
    const peakMb = server.memoryMb('VmHWM');
    return { capacity_per_second: capacity, points, idle_mb: idleMb, peak_mb: peakMb };
  } finally {
    await server.stop();
  }
}

/**
 * The batches a second that were answered in time. What is answered after the load has ended was waiting
 * meanwhile, so its time counts as well.
 */
function goodputOf({ in_time: done, seconds }: { in_time: number; seconds: number }): number {
  return Math.round((done / seconds) * 10) / 10;
}
