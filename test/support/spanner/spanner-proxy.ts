/**
 * The Spanner emulator, reached through a network with faults, and with what Spanner itself does to
 * clients.
 */
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { protos } from '@google-cloud/spanner';
import { parseDatabaseName, type SpannerOptions } from '@postlude/queue/spanner';
import type { Database } from '@postlude/queue/storage';
import { onTestFinished } from 'vitest';
import {
  openLibrary,
  type SpannerLibrary,
} from '../../../packages/queue/src/storage/spanner/calls/library.ts';
import { SpannerDatabase } from '../../../packages/queue/src/storage/spanner/database.ts';
import { POSTLUDE_MIGRATIONS } from '../../../src/migrations/migrations.ts';
import { testSpannerHost } from '../databases/databases.ts';
import { GRPC } from './grpc-messages.ts';
import { startGrpcProxy } from './grpc-proxy.ts';
import type { Call, Fault, Faults, Rewrite } from './proxied-call.ts';
import { testDatabaseUrl } from './spanner-admin.ts';

const spanner = protos.google.spanner.v1;

/** Aborts a commit as Spanner does: the transaction ends on the server, too. */
export interface Aborted {
  readonly moment: 'aborted';
  /** How long Spanner asks to wait. */
  readonly retryMs?: number;
}

/** The call's session is deleted before the call arrives. */
export interface SessionLost {
  readonly moment: 'session-lost';
}

export type SpannerFault = Fault | Aborted | SessionLost;

/** Returns the fault of a call, if any. */
export type SpannerFaults = (call: Call) => SpannerFault | undefined;

export interface ProxiedSpanner {
  readonly database: Database;
  /** How often each method has been called. */
  readonly calls: ReadonlyMap<string, number>;
}

export interface ProxiedOptions extends Partial<SpannerOptions> {
  /** A limit shorter than the usual one. */
  readonly commitTimeoutMs?: number;
  readonly rewrite?: Rewrite;
}

/** Opens a test's existing database through a proxy. Both are closed when the test ends. */
export async function openProxiedSpanner(
  schema: string,
  faults: SpannerFaults,
  options: ProxiedOptions = {},
): Promise<ProxiedSpanner> {
  const { commitTimeoutMs, rewrite, ...config } = options;
  const { host, calls, close } = await startGrpcProxy(
    testSpannerHost(),
    asSpanner(faults),
    rewrite,
  );
  const name = parseDatabaseName(testDatabaseUrl(schema));
  const library = await openLibrary({ projectId: name.project, emulatorHost: host });
  const database = new SpannerDatabase({
    maxConnections: 4,
    migrations: [POSTLUDE_MIGRATIONS],
    ...config,
    name,
    library: commitTimeoutMs ? withCommitTimeout(library, commitTimeoutMs) : library,
  });
  onTestFinished(async () => {
    await database.close();
    await close();
  });
  return { database, calls };
}

function withCommitTimeout(library: SpannerLibrary, timeoutMs: number): SpannerLibrary {
  return {
    ...library,
    unary: (method, request, options) =>
      library.unary(method, request, method === 'commit' ? { ...options, timeoutMs } : options),
  };
}

/**
 * Does what Spanner does in addition to responding, and remembers how transactions ended, as Spanner does: an
 * aborted one stays aborted, and one whose commit has arrived is not aborted any more.
 */
function asSpanner(faults: SpannerFaults): Faults {
  const arrived = new Set<string>();
  const aborted = new Map<string, Fault>();
  return async (call) => {
    const isCommit = call.method === 'Commit';
    const transaction = isCommit ? spanner.CommitRequest.decode(call.request) : undefined;
    const key = `${transaction?.session} ${transaction?.transactionId}`;
    const wanted = aborted.get(key) ?? faults(call);
    if (wanted?.moment === 'session-lost') return await loseSession(call);
    if (wanted?.moment === 'aborted') {
      if (!transaction) throw new Error('only commits are aborted here');
      if (arrived.has(key)) return undefined;
      // The emulator runs one transaction at a time, so one that never ends would block all others.
      await rollBack(call, transaction);
      aborted.set(key, toFault(wanted));
      return aborted.get(key);
    }
    if (isCommit && wanted?.moment !== 'before') arrived.add(key);
    return wanted;
  };
}

function toFault({ retryMs }: Aborted): Fault {
  const metadata = retryMs === undefined ? {} : { 'google.rpc.retryinfo-bin': retryInfo(retryMs) };
  const message = 'Transaction was aborted.';
  return { moment: 'before', ending: { status: GRPC.aborted, message, metadata } };
}

async function loseSession(call: Call): Promise<undefined> {
  const session = sessionOf(call);
  // Spanner deletes a session's transactions with the session, which its emulator does not survive. A new
  // transaction ends the earlier ones, including those whose id was lost.
  const begin = spanner.BeginTransactionRequest.encode({ session, options: { readWrite: {} } });
  const { id } = spanner.Transaction.decode(await call.send('BeginTransaction', begin.finish()));
  await rollBack(call, { session, transactionId: id });
  await call.send('DeleteSession', spanner.DeleteSessionRequest.encode({ name: session }).finish());
}

async function rollBack(
  call: Call,
  request: protos.google.spanner.v1.IRollbackRequest,
): Promise<void> {
  await call.send('Rollback', spanner.RollbackRequest.encode(request).finish());
}

/** All requests in a session have its name in the same field. */
function sessionOf({ request }: Call): string {
  return spanner.RollbackRequest.decode(request).session;
}

/** A google.rpc.RetryInfo: a Duration in field 1. */
function retryInfo(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const nanos = (ms - seconds * 1000) * 1_000_000;
  const info = new BinaryWriter().tag(1, 2).fork();
  info.tag(1, 0).int64(seconds).tag(2, 0).int32(nanos).join();
  return Buffer.from(info.finish()).toString('base64');
}
