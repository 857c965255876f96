/** The submitter to which tasks are handed over for delivery, and the requests that it takes. */
import type { EpochMs } from '../../foundations/clock.ts';
import type { Transaction } from '../../storage/database.ts';

/** A task for a queue of Cloud Tasks or the like: the HTTP request that the queue makes. */
export interface QueueRequest {
  readonly kind: 'queue';
  readonly classId: string;
  /** `projects/P/locations/L/queues/Q`. */
  readonly queue: string;
  /** Names the task within its queue: a second one of that name is a duplicate. */
  readonly name?: string;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** The queue does not make the request before this time. */
  readonly processAfter?: EpochMs;
  /** The request carries an OIDC token of this account, made for this audience. */
  readonly pushAs?: { readonly email: string; readonly audience: string };
}

/** A task for a topic of Pub/Sub: the message that is published. */
export interface TopicRequest {
  readonly kind: 'topic';
  readonly classId: string;
  /** `projects/P/topics/T`. */
  readonly topic: string;
  readonly data: Uint8Array;
  readonly attributes: Readonly<Record<string, string>>;
}

export type SubmitRequest = QueueRequest | TopicRequest;

/** `duplicate`: a task of that name existed already, which is as good. */
export type SubmitOutcome = 'submitted' | 'duplicate';

export interface Submitter {
  /**
   * Submits one task. Throws a SubmitError if that failed, or if nobody knows whether it failed:
   * submitting a named task again does no harm. `signal` aborts when the time for it is up.
   */
  submit(request: SubmitRequest, signal: AbortSignal): Promise<SubmitOutcome>;
  /**
   * Queues in the database itself take the task in the transaction, so that it needs no reminder.
   * Returns whether it was taken.
   */
  submitIn?(tx: Transaction, request: SubmitRequest): Promise<boolean>;
}
