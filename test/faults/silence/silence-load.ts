/** The load of a server and a worker while their database falls silent: tasks, and requests. */
import { type Client, Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import type { TaskQueue } from '@postlude/queue';
import { monotonicMs, systemClock, toError } from '@postlude/queue/foundations';
import { Recorder } from '../../../src/gen/luci/resultdb/v1/recorder_pb.js';
import { TestStatus } from '../../../src/gen/luci/resultdb/v1/test_result_pb.js';
import { EFFECT } from '../tasks/task-effects.ts';

/** One request, as its client saw it. */
export interface Request {
  readonly number: number;
  readonly sentAt: number;
  readonly tookMs: number;
  /** `undefined` if the request succeeded. */
  readonly code: string | undefined;
}

/** A response of `/readyz`, and its time. */
export interface Readiness {
  readonly askedAt: number;
  readonly answeredAt: number;
  readonly text: string;
}

export interface Load {
  readonly requests: readonly Request[];
  readonly readiness: readonly Readiness[];
  /** The number of tasks enqueued so far. */
  readonly tasks: number;
  /** Stops the load; resolves once pending work has ended. */
  stop(): Promise<void>;
}

export const INVOCATION = 'run';
const CLIENTS = 4;
const TASKS_AT_ONCE = 10;
const PAUSE_MS = 200;

export type Recorded = { readonly recorder: Client<typeof Recorder>; readonly token: string };

/** Opens the invocation that receives the results. */
export async function openInvocation(baseUrl: string, invocationId: string): Promise<Recorded> {
  const recorder = createClient(Recorder, createGrpcTransport({ baseUrl }));
  let token = '';
  await recorder.createInvocation(
    { invocationId, invocation: { realm: 'ci:main' } },
    { onHeader: (headers) => (token = headers.get('update-token') ?? '') },
  );
  return { recorder, token };
}

/** `queue` does not use the proxy that falls silent. */
export async function startLoad(baseUrl: string, queue: TaskQueue): Promise<Load> {
  const recorded = await openInvocation(baseUrl, INVOCATION);
  const stopping = new AbortController();
  const requests: Request[] = [];
  const readiness: Readiness[] = [];
  let number = 0;
  let tasks = 0;
  const again = async (fn: () => Promise<void>): Promise<void> => {
    while (!stopping.signal.aborted) {
      await fn();
      await systemClock.sleep(PAUSE_MS);
    }
  };
  const running = [
    again(async () => {
      const ids = Array.from({ length: TASKS_AT_ONCE }, (_, index) => String(tasks + index));
      await queue.enqueue(ids.map((id) => ({ type: EFFECT, id })));
      tasks += TASKS_AT_ONCE;
    }),
    again(async () => void readiness.push(await askReadiness(baseUrl))),
    ...Array.from({ length: CLIENTS }, () =>
      again(async () => void requests.push(await sendResult(recorded, number++))),
    ),
  ];
  return {
    requests,
    readiness,
    get tasks() {
      return tasks;
    },
    async stop() {
      stopping.abort();
      await Promise.all(running);
    },
  };
}

async function askReadiness(baseUrl: string): Promise<Readiness> {
  const askedAt = monotonicMs();
  const response = await fetch(new URL('/readyz', baseUrl));
  const text = (await response.text()).trim();
  return { askedAt, answeredAt: monotonicMs(), text };
}

async function sendResult({ recorder, token }: Recorded, number: number): Promise<Request> {
  const sentAt = monotonicMs();
  const testResult = {
    testId: 'test',
    resultId: String(number),
    expected: true,
    status: TestStatus.PASS,
  };
  const code = await recorder
    .batchCreateTestResults(
      { invocation: `invocations/${INVOCATION}`, requests: [{ testResult }] },
      { headers: { 'update-token': token } },
    )
    .then(() => undefined, codeOf);
  return { number, sentAt, tookMs: monotonicMs() - sentAt, code };
}

/** An error without a code is identified by its message. */
function codeOf(error: unknown): string {
  return error instanceof ConnectError ? Code[error.code] : toError(error).message;
}
