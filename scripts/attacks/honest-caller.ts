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
  /** For how long the server's main thread ran while a call lasted: whatever else runs on the machine. */
  readonly ranP99Ms: number;
  readonly healthMs: number;
}

/** The server that is called. */
export interface CalledServer {
  readonly url: string;
  ranMs(): number;
}

export async function openHonestCaller(server: CalledServer) {
  const { url } = server;
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
  return { during: (done: Promise<unknown>) => callUntil(done, calls, server) };
}

async function callUntil(
  done: Promise<unknown>,
  calls: readonly (() => Promise<unknown>)[],
  server: CalledServer,
): Promise<HonestFigures> {
  let isDone = false;
  void done.finally(() => (isDone = true));
  const failed: string[] = [];
  const repeat = async (call: () => Promise<unknown>, pauseMs: number): Promise<Lasted[]> => {
    const lasted: Lasted[] = [];
    while (!isDone) {
      const [startedAt, hadRunMs] = [performance.now(), ranMs(server)];
      await call().catch((error: Error) => failed.push(error.message.slice(0, 200)));
      lasted.push({ tookMs: performance.now() - startedAt, ranMs: ranMs(server) - hadRunMs });
      await systemClock.sleep(pauseMs);
    }
    return lasted;
  };
  const [health = [], ...lasted] = await Promise.all([
    repeat(() => askHealth(`${server.url}/healthz`), HEALTH_EVERY_MS),
    ...calls.map((call) => repeat(call, PAUSE_MS)),
  ]);
  const all = lasted.flat();
  const { medianMs: p50Ms, p99Ms, requests } = latencies(all.map(({ tookMs }) => tookMs));
  const { p99Ms: ranP99Ms } = latencies(all.map((each) => each.ranMs));
  const { maxMs: healthMs } = latencies(health.map(({ tookMs }) => tookMs));
  return { calls: requests, failed, p50Ms, p99Ms, ranP99Ms, healthMs };
}

interface Lasted {
  readonly tookMs: number;
  readonly ranMs: number;
}

/** Nothing if the server is gone, as its calls tell. */
function ranMs(server: CalledServer): number {
  try {
    return server.ranMs();
  } catch {
    return 0;
  }
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
