/**
 * Publishes tasks to topics of Google Pub/Sub: each task is one message, sent at once. Topics know no
 * names, so a task that is submitted twice is published twice; handlers must be idempotent anyway.
 */
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
import type { SubmitOutcome, SubmitRequest, Submitter } from './submitter.ts';

const PACKAGE = '@google-cloud/pubsub';

export interface PublishRequest {
  readonly topic: string;
  readonly messages: {
    readonly data: Uint8Array;
    readonly attributes: { [name: string]: string };
  }[];
}

/**
 * The methods used of a `v1.PublisherClient` of `@google-cloud/pubsub`: the bare call, since the class
 * PubSub gathers batches and retries on its own.
 */
export interface PublisherClientLike extends GoogleClientLike {
  publish(request: PublishRequest, options: GoogleCallOptions): Promise<unknown>;
  getTopic(request: { readonly topic: string }, options: GoogleCallOptions): Promise<unknown>;
}

export interface PubSubOptions extends GoogleClientOptions {
  /** A client to use instead of one of our own. The caller closes it. */
  readonly client?: PublisherClientLike;
}

export class PubSubSubmitter implements Submitter {
  readonly #client: GoogleClient<PublisherClientLike>;

  private constructor(client: GoogleClient<PublisherClientLike>) {
    this.#client = client;
  }

  /**
   * Needs the package `@google-cloud/pubsub`, unless a client is given: throws `failed-precondition` if it
   * is missing. It uses the machine's own credentials (Application Default Credentials), which it looks
   * for at the first submit.
   */
  static async open(options: PubSubOptions = {}): Promise<PubSubSubmitter> {
    return new PubSubSubmitter(await openClient(options));
  }

  async submit(request: SubmitRequest, signal: AbortSignal): Promise<SubmitOutcome> {
    const publish = toPublish(request);
    try {
      await this.#client.call(signal, (client, options) => client.publish(publish, options));
      return 'submitted';
    } catch (error) {
      const isMissing = grpcStatusOf(error) === 'not-found';
      throw toSubmitError(error, isMissing ? howToCreate(publish.topic) : undefined);
    }
  }

  /**
   * Throws `not-found`, with the command that creates the topic, if it does not exist. `topic` is
   * `projects/P/topics/T`.
   */
  checkTopic(topic: string, signal: AbortSignal): Promise<void> {
    const lookUp = this.#client.call(signal, (client, options) =>
      client.getTopic({ topic }, options),
    );
    return checkFound(lookUp, `no topic ${topic}: ${howToCreate(topic)}`);
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}

async function openClient(options: PubSubOptions): Promise<GoogleClient<PublisherClientLike>> {
  if (options.client !== undefined) return GoogleClient.given(options.client);
  const { v1 } = await loadOptional(
    { name: PACKAGE, for: 'Pub/Sub' },
    () => import('@google-cloud/pubsub'),
  );
  return GoogleClient.own(() => new v1.PublisherClient(clientOptions(PACKAGE, options)));
}

function toPublish(request: SubmitRequest): PublishRequest {
  if (request.kind === 'topic') {
    const { topic, data, attributes } = request;
    return { topic, messages: [{ data, attributes: { ...attributes } }] };
  }
  throw new SubmitError(`${request.classId} goes to a queue: Pub/Sub has topics only`, {
    isTransient: false,
    code: 'unimplemented',
  });
}

function howToCreate(topic: string): string {
  const [, project, , id] = topic.split('/');
  return `create it: gcloud pubsub topics create ${id} --project=${project}`;
}
