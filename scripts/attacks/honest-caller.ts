/** One caller from another address, that reads and writes at a modest rate, and looks at /healthz. */
import { get } from 'node:http';
import { connect } from 'node:net';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { randomHex, systemClock } from '@postlude/queue/foundations';
import { latencies } from '../../bench/overdue/request-load.ts';
import { Recorder } from '../../src/gen/luci/resultdb/v1/recorder_pb.js';
import { ResultDB } from '../../src/gen/luci/resultdb/v1/resultdb_pb.js';
import { newResults } from './results.ts';

const LOCAL = '127.0.0.2';
const PAUSE_MS = 50;
const HEALTH_EVERY_MS = 250;
const LONGEST_MS = 30_000;

export interface HonestFigures {
  readonly calls: number;
  readonly failed: readonly string[];
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly healthMs: number;
}

export async function openHonestCaller(url: string) {
  const { hostname: host, port } = new URL(url);
  const transport = createGrpcTransport({
    baseUrl: url,
    nodeOptions: {
      createConnection: () => connect({ host, port: Number(port), localAddress: LOCAL }),
    },
  });
  const recorder = createClient(Recorder, transport);
  const resultDb = createClient(ResultDB, transport);
  const invocationId = `honest-${randomHex(8)}`;
  const name = `invocations/${invocationId}`;
  let token = '';
  await recorder.createInvocation(
    { invocationId, invocation: { realm: 'ci:honest' } },
    { onHeader: (header) => (token = header.get('update-token') ?? '') },
  );
  const headers = { 'update-token': token };
  let number = 0;
  const options = (): { timeoutMs: number } => ({ timeoutMs: LONGEST_MS });
  const calls = [
    () => resultDb.getInvocation({ name }, options()),
    () => {
      number += 5;
      const requests = newResults({ count: 5, bytes: 100 }, number);
      return recorder.batchCreateTestResults(
        { invocation: name, requests },
        { headers, ...options() },
      );
    },
  ];
  return { during: (done: Promise<unknown>) => callUntil(done, calls, `${url}/healthz`) };
}

async function callUntil(
  done: Promise<unknown>,
  calls: readonly (() => Promise<unknown>)[],
  healthUrl: string,
): Promise<HonestFigures> {
  let isDone = false;
  void done.finally(() => (isDone = true));
  const failed: string[] = [];
  const repeat = async (call: () => Promise<unknown>, pauseMs: number): Promise<number[]> => {
    const tookMs: number[] = [];
    while (!isDone) {
      const startedAt = performance.now();
      await call().catch((error: Error) => failed.push(error.message.slice(0, 200)));
      tookMs.push(performance.now() - startedAt);
      await systemClock.sleep(pauseMs);
    }
    return tookMs;
  };
  const [health = [], ...took] = await Promise.all([
    repeat(() => askHealth(healthUrl), HEALTH_EVERY_MS),
    ...calls.map((call) => repeat(call, PAUSE_MS)),
  ]);
  const { medianMs: p50Ms, p99Ms, requests } = latencies(took.flat());
  return { calls: requests, failed, p50Ms, p99Ms, healthMs: latencies(health).maxMs };
}

/** A probe opens a connection of its own each time. */
function askHealth(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = get(
      url,
      { localAddress: LOCAL, agent: false, timeout: LONGEST_MS },
      (response) => {
        response.resume();
        if (response.statusCode === 200) response.once('end', resolve);
        else reject(new Error(`/healthz: ${response.statusCode}`));
      },
    );
    request.once('timeout', () => request.destroy(new Error('/healthz: no response')));
    request.once('error', reject);
  });
}
