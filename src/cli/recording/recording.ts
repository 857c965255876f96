/** An invocation while its command runs. The process that opened it keeps it alive. */
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import type { Clock } from '@postlude/queue/foundations';
import { randomHex, toError } from '@postlude/queue/foundations';
import { UPDATE_TOKEN_HEADER } from '../../services/shared/call-context.ts';
import { readContext } from '../ci/read-context.ts';
import type { Connection } from '../connection/connection.ts';
import { openWithToken } from '../connection/tokens.ts';
import type { CliContext } from '../context.ts';
import { invocationId } from '../invocation-argument.ts';
import { type NewInvocationOptions, type OpenRequest, openRequest } from '../new-invocation.ts';
import type { Output } from '../terminal/output.ts';

export interface RecordingOptions extends NewInvocationOptions {
  readonly attempt?: number;
  readonly lostAfter?: number;
}

export interface Recording {
  /** The id of the attempt that is recorded. */
  readonly id: string;
  readonly name: string;
  readonly attempt: number;
  /** The ids of attempts whose results no longer count. */
  readonly superseded: readonly string[];
  readonly token: string;
  /** Headers that carry the token. */
  readonly headers: Readonly<Record<string, string>>;
  /** Names this process to the server. */
  readonly recorder: string;
  readonly lostAfterMs: number;
}

const DEFAULT_LOST_AFTER_MS = 10 * 60_000;
/** The number of heartbeats within the time after which the server considers the recorder lost. */
const BEATS = 4;

/** The request to the server, sent now or later. The server identifies the recording by its recorder. */
export interface RecordingPlan {
  /** The id of the first attempt. */
  readonly id: string;
  readonly request: OpenRequest;
  readonly recorder: string;
  readonly lostAfterMs: number;
}

export function planRecording(
  { env }: CliContext,
  id: string,
  options: RecordingOptions,
): RecordingPlan {
  const recorder = randomHex(16);
  const lostAfterMs = options.lostAfter ?? DEFAULT_LOST_AFTER_MS;
  const more = {
    recorder,
    attempt: options.attempt ?? readContext(env)?.attempt ?? 0,
    lostAfter: durationFromMs(lostAfterMs),
  };
  const request = openRequest(env, { id, options, more });
  return { id, request, recorder, lostAfterMs };
}

export async function openRecording(
  connection: Connection,
  { lostAfterMs, recorder, request }: RecordingPlan,
): Promise<Recording> {
  const { attempt, invocation, superseded, token } = await openWithToken(connection, request);
  return {
    attempt,
    lostAfterMs,
    recorder,
    token,
    id: invocationId(invocation.name),
    name: invocation.name,
    superseded: superseded.map(invocationId),
    headers: { [UPDATE_TOKEN_HEADER]: token },
  };
}

interface HeartbeatParts {
  readonly clock: Clock;
  readonly invocations: Connection['invocations'];
  readonly output: Output;
  readonly signal: AbortSignal;
}

/**
 * Sends heartbeats until `signal` aborts. A heartbeat that fails is followed by the next one. If the
 * invocation is over for the server, no later one can succeed, so this warns and ends.
 */
export async function keepAlive(
  { headers, lostAfterMs, name, recorder }: Recording,
  { clock, invocations, output, signal }: HeartbeatParts,
): Promise<void> {
  for (;;) {
    await clock.sleep(lostAfterMs / BEATS, signal);
    if (signal.aborted) return;
    try {
      await invocations.keepInvocationAlive({ name, recorder }, { headers, signal });
    } catch (error) {
      if (!isFinal(error)) continue;
      output.warn(`the command is no longer being recorded: ${toError(error).message}`);
      return;
    }
  }
}

function isFinal(error: unknown): boolean {
  return error instanceof ConnectError && error.code === Code.FailedPrecondition;
}
