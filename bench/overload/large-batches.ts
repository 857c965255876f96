/** Many large batches at once, and how a server with a small heap survives them. */
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { systemClock } from '@postlude/queue/foundations';
import { Recorder } from '../../src/gen/luci/resultdb/v1/recorder_pb.js';
import { openCaller, Served } from './served.ts';

const HEAP_MB = 512;
const BATCH = { results: 500, bytesEach: 4_000 };
const LOOK_EVERY_MS = 200;

export async function sendLargeBatches(count: number, flags: readonly string[]) {
  const server = await Served.start(flags, [`--max-old-space-size=${HEAP_MB}`]);
  try {
    // A session of HTTP/2 does not hold as many bytes.
    const transport = createConnectTransport({ baseUrl: server.url, httpVersion: '1.1' });
    const recorder = createClient(Recorder, transport);
    const { batch, token } = await openCaller(recorder, 'greedy', BATCH);
    const send = (number: number): Promise<unknown> => {
      const requests = batch.requests.map(({ testResult }) => ({
        testResult: { ...testResult, testId: `${number}/${testResult.testId}` },
      }));
      return recorder.batchCreateTestResults(
        { invocation: batch.invocation, requests },
        { headers: { 'update-token': token } },
      );
    };
    const idleMb = server.memoryMb('VmRSS');
    const counts = { stored: 0, refused: 0, failed: 0 };
    let peakMb = idleMb;
    let isDone = false;
    const watching = (async () => {
      while (!isDone && server.isAlive) {
        peakMb = Math.max(peakMb, server.memoryMb('VmRSS'));
        await systemClock.sleep(LOOK_EVERY_MS);
      }
    })();
    const startedAt = performance.now();
    await Promise.all(
      Array.from({ length: count }, (_, number) =>
        send(number).then(
          () => (counts.stored += 1),
          (error) => (counts[kindOf(error)] += 1),
        ),
      ),
    );
    const seconds = Math.round((performance.now() - startedAt) / 100) / 10;
    isDone = true;
    await watching;
    const over = { idle_mb: idleMb, peak_over_idle_mb: peakMb - idleMb };
    return {
      heap_mb: HEAP_MB,
      batches: count,
      ...counts,
      seconds,
      ...over,
      survived: server.isAlive,
    };
  } finally {
    await server.stop();
  }
}

function kindOf(error: unknown): 'refused' | 'failed' {
  return ConnectError.from(error).code === Code.ResourceExhausted ? 'refused' : 'failed';
}
