/** An HTTP request that pushes a task, and its answer, as no web framework in particular sees them. */
import { etaOfHeaders, traceparentOfHeaders } from '../submit/request.ts';
import type { DeliveryContext } from './receive.ts';

export interface PushRequest {
  readonly method: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** `Host`, or `:authority` of HTTP/2. */
  readonly host: string | undefined;
  /** The other end of the connection, not who a header says it is; unknown is not this machine. */
  readonly peerAddress: string | undefined;
  /**
   * Called at most once, and only for pushes that may be. Need not be read to its end. Its errors
   * become the answer's message where they are `failed-precondition`.
   */
  readonly body: () => AsyncIterable<Uint8Array>;
  /** Aborts when the client has gone before it was answered. */
  readonly signal: AbortSignal;
}

export interface PushAnswer {
  readonly status: number;
  /** One line for people; not sent with 204. */
  readonly message: string;
  /** Beside `content-type`. Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What queues tell of a delivery in its headers: Cloud Tasks, App Engine, and our own queue. */
export function deliveryContext({ headers, signal }: PushRequest): DeliveryContext {
  const told = (name: string): string | undefined =>
    headers[`x-cloudtasks-${name}`] ?? headers[`x-appengine-${name}`];
  const retryReason = told('taskretryreason');
  const previousStatus = wholeNumber(told('taskpreviousresponse'));
  return {
    taskId: told('taskname'),
    queue: told('queuename'),
    executionCount: wholeNumber(told('taskexecutioncount')) ?? 0,
    ...(retryReason === undefined ? {} : { retryReason }),
    ...(previousStatus === undefined ? {} : { previousStatus }),
    eta: etaOfHeaders(headers),
    traceparent: traceparentOfHeaders(headers),
    signal,
  };
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
