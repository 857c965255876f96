/**
 * Sends what waits in a spool. Each step may be cut, repeated, or done by two processes at once:
 *
 *     open   finds the recording by its recorder, however often it is asked
 *     send   results have ids of their own, so again is no more
 *     end    says with its properties how the command ended: who finds those there knows that all of
 *            it has been sent, by whomever
 *     remove only after the server has said so
 *
 * Where the server has ended the recording in the meantime (as lost, say), what was cut short there is
 * recorded whole as the next attempt.
 */
import { rm } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { Code, ConnectError } from '@connectrpc/connect';
import type { Clock, EpochMs } from '../../clock.ts';
import { toError } from '../../errors.ts';
import type { TestResult } from '../../gen/luci/resultdb/v1/test_result_pb.js';
import { UPDATE_TOKEN_HEADER } from '../../services/shared/call-context.ts';
import { fromDuration, fromTimestamp } from '../../services/shared/timestamp.ts';
import type { Connection } from '../connection/connection.ts';
import { isTransientRpcError, toRpcFailure } from '../connection/rpc-errors.ts';
import { type OpenedInvocation, openWithToken } from '../connection/tokens.ts';
import { CliError } from '../context.ts';
import { invocationId } from '../invocation-argument.ts';
import { serverSink } from '../reports/upload-reports.ts';
import type { Spool } from './spool.ts';
import { readEntry, resultsOf, type SpoolEntry } from './spool-entry.ts';

export interface Flushed {
  /** The path of the entry, where it is now. */
  readonly entry: string;
  /**
   * `waiting`: try again later. `busy`: another process sends it. `elsewhere`: it is for another
   * server. `refused`: for good.
   */
  readonly state: 'uploaded' | 'waiting' | 'busy' | 'elsewhere' | 'refused';
  /** As it is called on the server; known where it was uploaded. */
  readonly invocation?: string;
  readonly results?: number;
  /** Why not. */
  readonly reason?: string;
}

export interface FlushParts {
  readonly clock: Clock;
  readonly connection: Connection;
  readonly spool: Spool;
  /** Also what was recorded for another server: that one has moved. */
  readonly anyServer?: boolean;
}

/** Entry by entry; ends where the server is away. Tells of each as it goes. */
export async function flushSpool(
  parts: FlushParts,
  entries: readonly string[],
  tell: (flushed: Flushed) => void,
): Promise<void> {
  for (const entry of entries) {
    const { flushed, isAway } = await flushEntry(parts, entry);
    if (flushed !== undefined) tell(flushed);
    if (isAway) return;
  }
}

interface Outcome {
  /** Nothing where the entry is gone: another process was there first. */
  readonly flushed: Flushed | undefined;
  readonly isAway: boolean;
}

async function flushEntry(parts: FlushParts, path: string): Promise<Outcome> {
  const { spool } = parts;
  try {
    const flushed = await spool.locked(path, async () => {
      const entry = await readEntry(path);
      if (!isFor(parts, entry)) return elsewhere(path, entry);
      const sent = await sendEntry(parts, path, entry);
      await rm(path, { force: true });
      return { entry: path, state: 'uploaded', ...sent } as const;
    });
    return { flushed: flushed ?? { entry: path, state: 'busy' }, isAway: false };
  } catch (error) {
    if (isGone(error)) return { flushed: undefined, isAway: false };
    const reason = (toRpcFailure(error) ?? toError(error)).message.split('\n')[0] ?? '';
    if (isForGood(error)) {
      const entry = await spool.refuse(path);
      return { flushed: { entry, state: 'refused', reason }, isAway: false };
    }
    const isAway = isTransientRpcError(error) || isStopped(error);
    return { flushed: { entry: path, state: 'waiting', reason }, isAway };
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function isStopped(error: unknown): boolean {
  return error instanceof ConnectError && error.code === Code.Canceled;
}

/** Asking again, as somebody else or at another time, changes nothing. */
function isForGood(error: unknown): boolean {
  if (error instanceof CliError) return true; // the entry is damaged
  return error instanceof ConnectError && FOR_GOOD.includes(error.code);
}

const FOR_GOOD = [Code.InvalidArgument, Code.NotFound, Code.AlreadyExists, Code.OutOfRange];

interface Sent {
  readonly invocation: string;
  readonly results: number;
}

/** Results of one company's tests must not end on another's server, nor leave the spool by that. */
function isFor({ anyServer, connection }: FlushParts, { header }: SpoolEntry): boolean {
  return anyServer === true || header.server === connection.url;
}

function elsewhere(path: string, { header }: SpoolEntry): Flushed {
  return { entry: path, state: 'elsewhere', reason: `it is for ${header.server}` };
}

async function sendEntry(parts: FlushParts, path: string, entry: SpoolEntry): Promise<Sent> {
  const { recorder } = entry.header.open;
  const sent = await sendAs(parts, recorder, path, entry);
  return sent ?? (await sendAs(parts, `${recorder}-late`, path, entry)) ?? cannotEnd();
}

function cannotEnd(): never {
  throw new CliError('the server has ended it before all results were there, twice');
}

/** `undefined` where this attempt was ended before it was whole. */
async function sendAs(
  parts: FlushParts,
  recorder: string,
  path: string,
  { end, header }: SpoolEntry,
): Promise<Sent | undefined> {
  const { connection } = parts;
  const { lostAfter: _, ...request } = header.open;
  const opened = await openWithToken(connection, { ...request, recorder, late: true });
  const headers = { [UPDATE_TOKEN_HEADER]: opened.token };
  const invocation = invocationId(opened.invocation.name);
  try {
    const results = await sendResults(parts, path, invocation, headers);
    await endRecording(connection, opened, end, headers);
    return { invocation, results };
  } catch (error) {
    if (!isNotActive(error)) throw error;
    return (await isWhole(connection, opened, end, headers))
      ? { invocation, results: 0 }
      : undefined;
  }
}

type Headers = Readonly<Record<string, string>>;

async function sendResults(
  { clock, connection }: FlushParts,
  path: string,
  invocation: string,
  headers: Headers,
): Promise<number> {
  const sink = serverSink(connection, invocation, headers);
  const now = clock.now() - (await sink.aheadMs());
  let results = 0;
  for await (const batch of resultsOf(path)) {
    await sink.send(batch.map((result) => withoutFuture(result, now)));
    results += batch.length;
  }
  return results;
}

async function endRecording(
  { invocations, retry }: Connection,
  { invocation }: OpenedInvocation,
  { cancelled, properties, reason }: SpoolEntry['end'],
  headers: Headers,
) {
  const end = { name: invocation.name, cancelled, reason, ...(properties ? { properties } : {}) };
  return await retry(() => invocations.endInvocation(end, { headers }));
}

function isNotActive(error: unknown): boolean {
  return error instanceof ConnectError && error.code === Code.FailedPrecondition;
}

/** It was ended by our own words, which are only said once all results are there. */
async function isWhole(
  connection: Connection,
  opened: OpenedInvocation,
  end: SpoolEntry['end'],
  headers: Headers,
): Promise<boolean> {
  try {
    const { invocation } = await endRecording(connection, opened, end, headers);
    return isDeepStrictEqual(invocation?.properties, end.properties);
  } catch (error) {
    if (isNotActive(error)) return false;
    throw error;
  }
}

/** A machine whose clock is ahead of the server's must not keep its results from being recorded. */
function withoutFuture(result: TestResult, now: EpochMs): TestResult {
  const { duration, startTime } = result;
  if (startTime === undefined) return result;
  const durationMs = duration === undefined ? 0 : fromDuration(duration) / 1000;
  if (fromTimestamp(startTime) + durationMs <= now) return result;
  const { startTime: _, ...others } = result;
  return others;
}
