/** Starts whole servers for tests, each on its own database, and their clients. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { createClient, type Transport } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace-node';
import { silentLog } from '@postlude/queue/foundations';
import { onTestFinished } from 'vitest';
import {
  Invocation_State,
  type InvocationSchema,
} from '../../../src/gen/luci/resultdb/v1/invocation_pb.js';
import { Recorder } from '../../../src/gen/luci/resultdb/v1/recorder_pb.js';
import { ResultDB } from '../../../src/gen/luci/resultdb/v1/resultdb_pb.js';
import { Invocations } from '../../../src/gen/postlude/v1/invocations_pb.js';
import { PushTasks } from '../../../src/gen/postlude/v1/push_tasks_pb.js';
import { Tasks } from '../../../src/gen/postlude/v1/tasks_pb.js';
import { loadConfig } from '../../../src/server/config/config.ts';
import { type ServerOptions, startServer } from '../../../src/server/server.ts';
import { openTestPglite } from '../databases/databases.ts';

export type ServerFlags = Readonly<Record<string, string>>;

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'postlude-server-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts a server on a new database, unless `flags` or `options` name one. */
export async function startTestServer(flags: ServerFlags = {}, options: ServerOptions = {}) {
  const cwd = await temporaryFolder();
  const config = await loadConfig({ flags: { listen: '127.0.0.1:0', ...flags }, env: {}, cwd });
  const server = await startServer(config, {
    log: silentLog,
    ...(flags.database === undefined ? { database: await openTestPglite() } : {}),
    ...options,
  });
  onTestFinished(async () => void (await server.close()));
  const clients = (transport: Transport) => ({
    recorder: createClient(Recorder, transport),
    resultDb: createClient(ResultDB, transport),
    invocations: createClient(Invocations, transport),
    tasks: createClient(Tasks, transport),
    pushTasks: createClient(PushTasks, transport),
  });
  const grpc = createGrpcTransport({ baseUrl: server.url });
  return { server, config, cwd, clients, ...clients(grpc) };
}

/** Keeps ended spans, even after the server has stopped. */
export function recordSpans(): {
  readonly spans: ReadableSpan[];
  readonly tracesTo: SpanProcessor;
} {
  const spans: ReadableSpan[] = [];
  const done = (): Promise<void> => Promise.resolve();
  const tracesTo = {
    onStart: () => undefined,
    onEnd: (span: ReadableSpan) => void spans.push(span),
    forceFlush: done,
    shutdown: done,
  };
  return { spans, tracesTo };
}

export type TestServer = Awaited<ReturnType<typeof startTestServer>>;

/** Creates an invocation, and returns the header that carries its token. */
export async function createInvocation(
  { recorder }: Pick<TestServer, 'recorder'>,
  invocationId: string,
  invocation: MessageInitShape<typeof InvocationSchema> = {},
) {
  let token = '';
  await recorder.createInvocation(
    { invocationId, invocation: { realm: 'ci:main', ...invocation } },
    { onHeader: (headers) => (token = headers.get('update-token') ?? '') },
  );
  return { headers: { 'update-token': token } };
}

export async function untilFinalized(
  { invocations }: Pick<TestServer, 'invocations'>,
  name: string,
): Promise<void> {
  for await (const { invocation } of invocations.watchInvocation({ name })) {
    if (invocation?.state === Invocation_State.FINALIZED) return;
  }
  throw new Error(`the stream ended, and ${name} is not FINALIZED`);
}

export async function getPage(url: string): Promise<readonly [number, string]> {
  const response = await fetch(url);
  return [response.status, await response.text()];
}
