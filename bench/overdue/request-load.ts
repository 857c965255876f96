/** Sends requests as pipelines do, at a modest rate, and measures how long each takes. */
import { type Client, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { randomHex, systemClock } from '@postlude/queue/foundations';
import { Recorder } from '../../src/gen/luci/resultdb/v1/recorder_pb.js';
import { ResultDB } from '../../src/gen/luci/resultdb/v1/resultdb_pb.js';
import { TestStatus } from '../../src/gen/luci/resultdb/v1/test_result_pb.js';

export interface Latencies {
  readonly requests: number;
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

interface Api {
  readonly recorder: Client<typeof Recorder>;
  readonly resultDb: Client<typeof ResultDB>;
}

const CLIENTS_A_SERVER = 2;
const PAUSE_MS = 100;
const RESULTS = 20;

export class RequestLoad {
  readonly #apis: readonly Api[];

  constructor(urls: readonly string[]) {
    this.#apis = urls.map((baseUrl) => {
      const transport = createGrpcTransport({ baseUrl });
      return {
        recorder: createClient(Recorder, transport),
        resultDb: createClient(ResultDB, transport),
      };
    });
  }

  /** Returns the milliseconds that each request took that was sent before `done`. Rejects if one failed. */
  async during(done: Promise<void>): Promise<number[]> {
    let isDone = false;
    const tookMs: number[] = [];
    const clients = this.#apis.flatMap((api) => Array(CLIENTS_A_SERVER).fill(api) as Api[]);
    const running = clients.map(async (api) => {
      while (!isDone) await this.#pipeline(api, tookMs);
    });
    await done;
    isDone = true;
    await Promise.all(running);
    return tookMs;
  }

  /** Creates an invocation, uploads to it, reads it, and finalizes it. */
  async #pipeline({ recorder, resultDb }: Api, tookMs: number[]): Promise<void> {
    const invocationId = `load-${randomHex(8)}`;
    const name = `invocations/${invocationId}`;
    let token = '';
    const timed = async (request: () => Promise<unknown>): Promise<void> => {
      const startedAt = performance.now();
      await request();
      tookMs.push(performance.now() - startedAt);
      await systemClock.sleep(PAUSE_MS);
    };
    await timed(() =>
      recorder.createInvocation(
        { invocationId, invocation: { realm: 'ci:bench' } },
        { onHeader: (headers) => (token = headers.get('update-token') ?? '') },
      ),
    );
    const headers = { 'update-token': token };
    const requests = Array.from({ length: RESULTS }, (_, number) => ({
      testResult: { testId: `t${number}`, resultId: '1', expected: true, status: TestStatus.PASS },
    }));
    await timed(() => recorder.batchCreateTestResults({ invocation: name, requests }, { headers }));
    await timed(() => resultDb.queryTestResults({ invocations: [name] }));
    await timed(() => recorder.finalizeInvocation({ name }, { headers }));
  }
}

export function latencies(tookMs: readonly number[]): Latencies {
  const sorted = tookMs.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    Math.round((sorted[Math.floor((sorted.length - 1) * share)] ?? 0) * 100) / 100;
  return {
    requests: sorted.length,
    medianMs: at(0.5),
    p95Ms: at(0.95),
    p99Ms: at(0.99),
    maxMs: at(1),
  };
}
