/**
 * Submits tasks to queues of Google Cloud Tasks, which push them by HTTP. A named task is created once,
 * however often it is submitted, for as long as Cloud Tasks remembers its name.
 */
import { CodedError } from '../../foundations/errors.ts';
import { grpcStatusOf } from '../../foundations/grpc/grpc-status.ts';
import { loadOptional } from '../../foundations/optional-package.ts';
import {
  clientOptions,
  type GoogleCallOptions,
  GoogleClient,
  type GoogleClientLike,
  type GoogleClientOptions,
} from './google-client.ts';
import { checkFound, SubmitError, toSubmitError } from './submit-error.ts';
import type { QueueRequest, SubmitOutcome, SubmitRequest, Submitter } from './submitter.ts';

const PACKAGE = '@google-cloud/tasks';
const METHODS = ['POST', 'GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'] as const;
const DEADLINE_MS = { min: 15_000, usual: 10 * 60_000, max: 30 * 60_000 };

export interface CreateTaskRequest {
  readonly parent: string;
  readonly task: {
    readonly name?: string;
    readonly scheduleTime?: { readonly seconds: number; readonly nanos: number };
    readonly dispatchDeadline: { readonly seconds: number; readonly nanos: number };
    readonly httpRequest: {
      readonly url: string;
      readonly httpMethod: (typeof METHODS)[number];
      readonly headers: { [name: string]: string };
      readonly body?: Uint8Array;
      readonly oidcToken?: { readonly serviceAccountEmail: string; readonly audience: string };
    };
  };
}

/** The methods used of a CloudTasksClient of `@google-cloud/tasks`. */
export interface CloudTasksClientLike extends GoogleClientLike {
  createTask(request: CreateTaskRequest, options: GoogleCallOptions): Promise<unknown>;
  getQueue(request: { readonly name: string }, options: GoogleCallOptions): Promise<unknown>;
}

export interface CloudTasksOptions extends GoogleClientOptions {
  /** A client to use instead of one of our own. The caller closes it. */
  readonly client?: CloudTasksClientLike;
  /** How long a push may take: 10 min unless given; 15 s to 30 min. */
  readonly dispatchDeadlineMs?: number;
}

export class CloudTasksSubmitter implements Submitter {
  readonly #client: GoogleClient<CloudTasksClientLike>;
  readonly #dispatchDeadlineMs: number;

  private constructor(client: GoogleClient<CloudTasksClientLike>, dispatchDeadlineMs: number) {
    this.#client = client;
    this.#dispatchDeadlineMs = dispatchDeadlineMs;
  }

  /**
   * Needs the package `@google-cloud/tasks`, unless a client is given: throws `failed-precondition` if it
   * is missing. It uses the machine's own credentials (Application Default Credentials), which it looks
   * for at the first submit.
   */
  static async open(options: CloudTasksOptions = {}): Promise<CloudTasksSubmitter> {
    const deadlineMs = options.dispatchDeadlineMs ?? DEADLINE_MS.usual;
    if (!(deadlineMs >= DEADLINE_MS.min && deadlineMs <= DEADLINE_MS.max)) {
      throw new CodedError('invalid-argument', `dispatchDeadlineMs ${deadlineMs}: 15 s to 30 min`);
    }
    return new CloudTasksSubmitter(await openClient(options), deadlineMs);
  }

  async submit(request: SubmitRequest, signal: AbortSignal): Promise<SubmitOutcome> {
    const create = toCreateTask(request, this.#dispatchDeadlineMs);
    try {
      await this.#client.call(signal, (client, options) => client.createTask(create, options));
      return 'submitted';
    } catch (error) {
      const status = grpcStatusOf(error);
      if (status === 'already-exists') return 'duplicate';
      throw toSubmitError(error, status === 'not-found' ? howToCreate(create.parent) : undefined);
    }
  }

  /**
   * Throws `not-found`, with the command that creates the queue, if it does not exist. `queue` is
   * `projects/P/locations/L/queues/Q`.
   */
  checkQueue(queue: string, signal: AbortSignal): Promise<void> {
    const lookUp = this.#client.call(signal, (client, options) =>
      client.getQueue({ name: queue }, options),
    );
    return checkFound(lookUp, `no queue ${queue}: ${howToCreate(queue)}`);
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}

async function openClient(options: CloudTasksOptions): Promise<GoogleClient<CloudTasksClientLike>> {
  if (options.client !== undefined) return GoogleClient.given(options.client);
  const { CloudTasksClient } = await loadOptional(
    { name: PACKAGE, for: 'Cloud Tasks' },
    () => import('@google-cloud/tasks'),
  );
  return GoogleClient.own(() => new CloudTasksClient(clientOptions(PACKAGE, options)));
}

function toCreateTask(request: SubmitRequest, dispatchDeadlineMs: number): CreateTaskRequest {
  if (request.kind !== 'queue') {
    throw fatal('unimplemented', `${request.classId} goes to a topic: Cloud Tasks has queues only`);
  }
  const { queue, name, processAfter, url, method, headers, body, pushAs } = request;
  return {
    parent: queue,
    task: {
      ...(name === undefined ? {} : { name: `${queue}/tasks/${name}` }),
      ...(processAfter === undefined ? {} : { scheduleTime: timestampOf(processAfter) }),
      dispatchDeadline: timestampOf(dispatchDeadlineMs),
      httpRequest: {
        url,
        httpMethod: methodOf(request, method),
        headers: { ...headers },
        ...(body.length === 0 ? {} : { body }),
        ...(pushAs && {
          oidcToken: { serviceAccountEmail: pushAs.email, audience: pushAs.audience },
        }),
      },
    },
  };
}

/** Refuses unknown methods, which the client would treat as POST. */
function methodOf({ classId }: QueueRequest, method: string): (typeof METHODS)[number] {
  const known = METHODS.find((name) => name === method);
  if (known !== undefined) return known;
  throw fatal('invalid-argument', `${classId}: Cloud Tasks makes no requests of method ${method}`);
}

function timestampOf(ms: number): { readonly seconds: number; readonly nanos: number } {
  const micros = Math.round(ms * 1000);
  return { seconds: Math.floor(micros / 1e6), nanos: (micros % 1e6) * 1000 };
}

function howToCreate(queue: string): string {
  const [, project, , location, , id] = queue.split('/');
  return `create it: gcloud tasks queues create ${id} --project=${project} --location=${location}`;
}

function fatal(code: string, message: string): SubmitError {
  return new SubmitError(message, { isTransient: false, code });
}
