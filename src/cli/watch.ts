/** Waits until an invocation is FINALIZED, however long that takes. */
import { ConnectError } from '@connectrpc/connect';
import { systemRandom } from '@postlude/queue/foundations';
import { type Invocation, Invocation_State } from '../gen/luci/resultdb/v1/invocation_pb.js';
import type { Connection } from './connection/connection.ts';
import { retryAfterMs, withJitter } from './connection/refusals.ts';
import { isTransientRpcError } from './connection/rpc-errors.ts';
import { type CliContext, CliError } from './context.ts';
import { invocationName } from './invocation-argument.ts';
import { describeExplanation } from './terminal/describe.ts';
import type { Output } from './terminal/output.ts';
import type { Progress } from './terminal/progress.ts';

const RECONNECT_MS = 1_000;
/** A watch may be silent for hours. After this time it is opened again, in case the server is gone. */
const WATCH_MS = 10 * 60_000;

export interface Watch {
  readonly context: CliContext;
  readonly connection: Connection;
  readonly output: Output;
  readonly progress: Progress;
}

/** Continues after a restart of the server. A server that is unreachable from the start is an error. */
export async function watchUntilFinalized(watch: Watch, id: string): Promise<Invocation> {
  const { context, connection, output, progress } = watch;
  const now = await finalizedNow(connection, id);
  if (now !== undefined) return now;
  let isTold = false;
  while (!context.signal.aborted) {
    try {
      await watchOnce(watch, id);
      const finalized = await finalizedNow(connection, id);
      progress.clear();
      if (finalized !== undefined) return finalized;
    } catch (error) {
      if (context.signal.aborted) break;
      const toldMs = retryAfterMs(error);
      if (toldMs === undefined && !isTransientRpcError(error)) throw error;
      progress.clear();
      if (!isTold) output.note(describeRetry(error, toldMs));
      isTold = true;
      const delayMs = toldMs === undefined ? RECONNECT_MS : withJitter(toldMs, systemRandom);
      await context.clock.sleep(delayMs, context.signal);
    }
  }
  throw new CliError(`stopped; ${id} is not over yet`);
}

function describeRetry(error: unknown, toldMs: number | undefined): string {
  if (toldMs === undefined) return 'the server is unreachable; retrying until it is back';
  return `${ConnectError.from(error).rawMessage}; waiting`;
}

async function finalizedNow({ resultDb }: Connection, id: string): Promise<Invocation | undefined> {
  const invocation = await resultDb.getInvocation({ name: invocationName(id) });
  return invocation.state === Invocation_State.FINALIZED ? invocation : undefined;
}

/** Returns when the invocation is FINALIZED, or when it has been watched for long. */
async function watchOnce(watch: Watch, id: string): Promise<void> {
  const { connection, progress } = watch;
  const name = invocationName(id);
  // Not a deadline of the call: its timer would outlive a stream that we leave early, and keep the
  // process from ending.
  const signal = AbortSignal.timeout(WATCH_MS);
  const stream = connection.invocations.watchInvocation({ name }, { timeoutMs: 0, signal });
  try {
    for await (const { invocation, explanation } of stream) {
      if (invocation?.state === Invocation_State.FINALIZED) return;
      if (explanation !== undefined) {
        progress.update(
          describeExplanation(id, explanation)
            .map((line) => line.trim())
            .join(' · '),
        );
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
