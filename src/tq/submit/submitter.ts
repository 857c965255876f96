/** Where tasks are handed over for delivery, and the form in which they are. */
import type { EpochMs } from '../../clock.ts';
import type { Transaction } from '../../storage/database.ts';

/** A task for a queue of Cloud Tasks or its like: an HTTP request to be made. */
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
  /** Not before that time. */
  readonly scheduleTime?: EpochMs;
  /** The request carries an OIDC token of that account, made for that audience. */
  readonly pushAs?: { readonly email: string; readonly audience: string };
}

/** A task for a topic of Pub/Sub: a message to be published. */
export interface TopicRequest {
  readonly kind: 'topic';
  readonly classId: string;
  /** `projects/P/topics/T`. */
  readonly topic: string;
  readonly data: Uint8Array;
  readonly attributes: Readonly<Record<string, string>>;
}

export type SubmitRequest = QueueRequest | TopicRequest;

/** `duplicate`: a task of that name was there; which is as good. */
export type SubmitOutcome = 'submitted' | 'duplicate';

/** A submit that failed; any other error counts as transient, too. */
export class SubmitError extends Error {
  /** Whether the same request may work later. */
  readonly isTransient: boolean;
  /** For metrics: the code of gRPC, or a word. */
  readonly code: string;

  constructor(
    message: string,
    options: ErrorOptions & { readonly isTransient: boolean; readonly code: string },
  ) {
    super(message, options);
    this.name = 'SubmitError';
    this.isTransient = options.isTransient;
    this.code = options.code;
  }
}

export interface Submitter {
  /**
   * Hands one task over. Throws a SubmitError where it could not, or where nobody knows whether it
   * could: submitting a named task again does no harm. `signal` aborts when the time for it is up.
   */
  submit(request: SubmitRequest, signal: AbortSignal): Promise<SubmitOutcome>;
  /**
   * For queues that live in the database itself: takes the task in the transaction, so that it needs
   * no reminder. Answers whether it did.
   */
  submitIn?(tx: Transaction, request: SubmitRequest): Promise<boolean>;
}
