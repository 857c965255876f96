/** Sends results to a server. Their ids follow from the report, so sending them again changes nothing. */
import { createContextValues } from '@connectrpc/connect';
import type { Clock } from '@postlude/queue/foundations';
import type { ResultBatch } from '../../ingest/results/result-batch.ts';
import { MINIMAL_RESPONSE } from '../../services/shared/call-context.ts';
import type { Connection } from '../connection/connection.ts';
import { refusedKey } from '../connection/refusals.ts';
import { isTransientRpcError } from '../connection/rpc-errors.ts';
import { invocationName } from '../invocation-argument.ts';
import { BatchesInFlight, type Flight } from './batches-in-flight.ts';
import type { ResultSink } from './upload-reports.ts';

export interface ServerTarget {
  readonly clock: Clock;
  readonly connection: Connection;
  readonly invocation: string;
  /** They hold the update token. */
  readonly headers: Readonly<Record<string, string>>;
}

export function serverSink({
  clock,
  connection,
  headers,
  invocation: id,
}: ServerTarget): ResultSink {
  const invocation = invocationName(id);
  const batches = new BatchesInFlight(clock);
  const sendNow = async (batch: ResultBatch, { refused, signal }: Flight): Promise<void> => {
    const request = batch.requestFor(invocation);
    const options = {
      headers: { ...headers, ...MINIMAL_RESPONSE },
      signal,
      contextValues: createContextValues().set(refusedKey, refused),
    };
    const call = () => connection.recorder.batchCreateTestResults(request, options);
    await connection.retry(() => call().catch(rethrowAfter(refused)), signal);
  };
  return {
    exonerate: async (exonerations, requestId) => {
      const requests = exonerations.map((testExoneration) => ({ testExoneration }));
      const request = { invocation, requests, requestId };
      await connection.retry(() =>
        connection.recorder.batchCreateTestExonerations(request, { headers: { ...headers } }),
      );
    },
    send: (batch) => batches.add(batch.bytes, (flight) => sendNow(batch, flight)),
    end: () => batches.end(),
    aheadMs: () => aheadOfServerMs(connection, invocation),
  };
}

/** A server that breaks off a call may have too much to do as well. */
function rethrowAfter(slowDown: () => void): (error: unknown) => never {
  return (error) => {
    slowDown();
    throw error;
  };
}

/**
 * With `--token`, no call has been made yet, so the server's time is unknown. Any response has a date,
 * even a refusal.
 */
async function aheadOfServerMs(connection: Connection, name: string): Promise<number> {
  const known = connection.aheadMs();
  if (known !== undefined) return known;
  await connection
    .retry(() => connection.resultDb.getInvocation({ name }))
    .catch((error) => {
      if (isTransientRpcError(error)) throw error;
    });
  return connection.aheadMs() ?? 0;
}
