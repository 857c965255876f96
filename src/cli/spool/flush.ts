/**
 * Sends the recordings that wait in a spool. Each step may be interrupted, repeated, or done by two
 * processes at once:
 *
 *     open    finds the recording by its recorder, however often it is called
 *     send    overwrites results that are there, as each result has an id of its own
 *     end     stores properties that say how the command ended; a process that finds those already
 *             there knows that everything has been sent, by itself or by another process
 *     remove  deletes the entry, only after the server has confirmed the end
 *
 * If the server has ended the recording in the meantime (as lost, for example), the whole recording is
 * sent again as the next attempt.
 */
import { rm } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { Code, ConnectError } from '@connectrpc/connect';
import { type Clock, toError } from '@postlude/queue/foundations';
import { ResultBatch } from '../../ingest/results/result-batch.ts';
import { UPDATE_TOKEN_HEADER } from '../../services/shared/call-context.ts';
import type { Connection } from '../connection/connection.ts';
import { retryAfterMs } from '../connection/refusals.ts';
import { isTransientRpcError, toRpcFailure } from '../connection/rpc-errors.ts';
import { shownUrl } from '../connection/shown-url.ts';
import { openWithToken } from '../connection/tokens.ts';
import { CliError } from '../context.ts';
import { invocationId } from '../invocation-argument.ts';
import { withoutFuture } from '../reports/past-results.ts';
import { serverSink } from '../reports/server-sink.ts';
import type { Spool } from './spool.ts';
import { exonerationsOf, readEntry, resultsOf, type SpoolEntry } from './spool-entry.ts';

export interface Flushed {
  /** The current path of the entry. */
  readonly entry: string;
  /**
   * `waiting`: try again later. `busy`: another process is sending it. `elsewhere`: it is for another
   * server. `refused`: the server will never take it.
   */
  readonly state: 'uploaded' | 'waiting' | 'busy' | 'elsewhere' | 'refused';
  /** The id on the server, if the entry was uploaded. */
  readonly invocation?: string;
  readonly results?: number;
  /** Says why the entry was not uploaded. */
  readonly reason?: string;
}

export interface FlushParts {
  readonly clock: Clock;
  readonly connection: Connection;
  readonly spool: Spool;
  /** Also sends entries that were recorded for another server, which has moved. */
  readonly anyServer?: boolean;
}

/** Sends one entry after the other, and reports each to `tell`. Stops if the server is unreachable. */
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
  /** Undefined if the entry is gone, because another process has sent it. */
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
    const isBusy = retryAfterMs(error) !== undefined;
    const isAway = isBusy || isTransientRpcError(error) || isStopped(error);
    return { flushed: { entry: path, state: 'waiting', reason }, isAway };
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function isStopped(error: unknown): boolean {
  return error instanceof ConnectError && error.code === Code.Canceled;
}

/** True if the call would fail again for every user and at any time. */
function isForGood(error: unknown): boolean {
  if (error instanceof CliError) return true; // the entry is damaged
  return error instanceof ConnectError && FOR_GOOD.includes(error.code);
}

const FOR_GOOD = [Code.InvalidArgument, Code.NotFound, Code.AlreadyExists, Code.OutOfRange];

interface Sent {
  readonly invocation: string;
  readonly results: number;
}

/** Test results of one company must not reach another company's server, nor leave the spool that way. */
function isFor({ anyServer, connection }: FlushParts, { header }: SpoolEntry): boolean {
  return anyServer === true || header.server === connection.url;
}

function elsewhere(path: string, { header }: SpoolEntry): Flushed {
  return { entry: path, state: 'elsewhere', reason: `it is for ${shownUrl(header.server)}` };
}

async function sendEntry(parts: FlushParts, path: string, entry: SpoolEntry): Promise<Sent> {
  const { recorder } = entry.header.open;
  const recording = { ...entry, path };
  const sent = await sendAs(parts, recording, recorder);
  return sent ?? (await sendAs(parts, recording, `${recorder}-late`)) ?? cannotEnd();
}

function cannotEnd(): never {
  throw new CliError('the server has ended it twice before all its results were uploaded');
}

/** Returns `undefined` if the server ended this attempt before it had all results. */
async function sendAs(
  parts: FlushParts,
  { end, header, path }: SpoolEntry & { readonly path: string },
  recorder: string,
): Promise<Sent | undefined> {
  const { connection } = parts;
  const { lostAfter: _, ...request } = header.open;
  const opened = await openWithToken(connection, { ...request, recorder, late: true });
  const headers = { [UPDATE_TOKEN_HEADER]: opened.token };
  const { name } = opened.invocation;
  const invocation = invocationId(name);
  const ending = { name, end, headers };
  try {
    const results = await sendResults(parts, path, { invocation, headers });
    await endRecording(connection, ending);
    return { invocation, results };
  } catch (error) {
    if (!isNotActive(error)) throw error;
    return (await isWhole(connection, ending)) ? { invocation, results: 0 } : undefined;
  }
}

type Headers = Readonly<Record<string, string>>;

async function sendResults(
  { clock, connection }: FlushParts,
  path: string,
  { headers, invocation }: { readonly invocation: string; readonly headers: Headers },
): Promise<number> {
  const sink = serverSink({ clock, connection, headers, invocation });
  const now = clock.now() - (await sink.aheadMs());
  let results = 0;
  for await (const batch of resultsOf(path)) {
    await sink.send(ResultBatch.of(batch.map((result) => withoutFuture(result, now))));
    results += batch.length;
  }
  for await (const { exonerations, requestId } of exonerationsOf(path)) {
    await sink.exonerate(exonerations, requestId);
  }
  await sink.end();
  return results;
}

interface RecordingEnd {
  readonly name: string;
  readonly end: SpoolEntry['end'];
  readonly headers: Headers;
}

async function endRecording(
  { invocations, retry }: Connection,
  { end: { cancelled, properties, reason }, headers, name }: RecordingEnd,
) {
  const request = { name, cancelled, reason, ...(properties ? { properties } : {}) };
  return await retry(() => invocations.endInvocation(request, { headers }));
}

function isNotActive(error: unknown): boolean {
  return error instanceof ConnectError && error.code === Code.FailedPrecondition;
}

/** True if the invocation has our own end, which is only sent after all results. */
async function isWhole(connection: Connection, ending: RecordingEnd): Promise<boolean> {
  try {
    const { invocation } = await endRecording(connection, ending);
    return isDeepStrictEqual(invocation?.properties, ending.end.properties);
  } catch (error) {
    if (isNotActive(error)) return false;
    throw error;
  }
}
