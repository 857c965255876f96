/** An HTTP request that pushes a task, and its response, independent of any web framework. */
import { dueTimeOfHeaders, traceparentOfHeaders } from '../submit/request.ts';
import type { Delivery } from './receive.ts';

export interface PushRequest {
  readonly method: string;
  /** Their names are in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The header `Host`, or `:authority` of HTTP/2. */
  readonly host: string | undefined;
  /** The address of the other end of the connection, whatever headers say. If unknown, it is not this machine. */
  readonly peerAddress: string | undefined;
  /**
   * Called at most once, and only for pushes that are allowed. It need not be read to its end. Its
   * `failed-precondition` errors become the message of the response.
   */
  readonly body: () => AsyncIterable<Uint8Array>;
  /** Aborts when the client has gone before it got a response. */
  readonly signal: AbortSignal;
}

export interface PushResponse {
  readonly status: number;
  /** One line for people. It is not sent with status 204. */
  readonly message: string;
  /** The headers besides `content-type`. Their names are in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Reads what the headers of Cloud Tasks, App Engine or our own queue say about a delivery. */
export function deliveryOf({ headers, signal }: PushRequest): Delivery {
  const header = (name: string): string | undefined =>
    headers[`x-cloudtasks-${name}`] ?? headers[`x-appengine-${name}`];
  const retryReason = header('taskretryreason');
  const previousStatus = wholeNumber(header('taskpreviousresponse'));
  return {
    id: header('taskname'),
    queue: header('queuename'),
    attempt: (wholeNumber(header('taskexecutioncount')) ?? 0) + 1,
    ...(retryReason === undefined ? {} : { retryReason }),
    ...(previousStatus === undefined ? {} : { previousStatus }),
    processAfter: dueTimeOfHeaders(headers),
    traceparent: traceparentOfHeaders(headers),
    signal,
  };
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
