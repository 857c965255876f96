/**
 * A gRPC server that stands in for Cloud Tasks, Pub/Sub and the first calls of Cloud Spanner. It keeps the
 * requests, and responds as the test says: with any status, or not at all. It delivers nothing.
 */
import { protos as pubsub } from '@google-cloud/pubsub';
import { protos as spanner } from '@google-cloud/spanner';
import { protos as tasks } from '@google-cloud/tasks';
import { Server, ServerCredentials, type sendUnaryData, status } from '@grpc/grpc-js';
import { onTestFinished } from 'vitest';
import { Signal } from '../signal.ts';

const { CreateTaskRequest, GetQueueRequest, Queue, Task } = tasks.google.cloud.tasks.v2;
const { TestIamPermissionsRequest, TestIamPermissionsResponse } = spanner.google.iam.v1;
const { CreateSessionRequest, Session } = spanner.google.spanner.v1;
const { GetTopicRequest, PublishRequest, PublishResponse, Topic } = pubsub.google.pubsub.v1;

/** A status of gRPC, such as `UNAVAILABLE`. With `silence` there is no response at all. */
export type GoogleAnswer = keyof typeof status | 'silence';

export interface GoogleCall {
  readonly method: string;
  /** The request in the JSON form of protocol buffers, with bytes in base64. */
  readonly request: object;
}

/** A class that protobufjs generated. */
interface Codec {
  encode(message: object): { finish(): Uint8Array };
  decode(bytes: Uint8Array): object;
}

interface Method {
  readonly service: string;
  readonly request: Codec;
  readonly response: Codec;
  readonly reply: (request: object, services: GoogleServices) => object;
}

const METHODS: Readonly<Record<string, Method>> = {
  CreateTask: {
    service: 'google.cloud.tasks.v2.CloudTasks',
    request: CreateTaskRequest,
    response: Task,
    reply: () => ({ name: 'a task' }),
  },
  GetQueue: {
    service: 'google.cloud.tasks.v2.CloudTasks',
    request: GetQueueRequest,
    response: Queue,
    reply: () => ({ name: 'a queue' }),
  },
  Publish: {
    service: 'google.pubsub.v1.Publisher',
    request: PublishRequest,
    response: PublishResponse,
    reply: () => ({ messageIds: ['1'] }),
  },
  GetTopic: {
    service: 'google.pubsub.v1.Publisher',
    request: GetTopicRequest,
    response: Topic,
    reply: () => ({ name: 'a topic' }),
  },
  CreateSession: {
    service: 'google.spanner.v1.Spanner',
    request: CreateSessionRequest,
    response: Session,
    reply: () => ({ name: 'a session' }),
  },
  TestIamPermissions: {
    service: 'google.spanner.admin.database.v1.DatabaseAdmin',
    request: TestIamPermissionsRequest,
    response: TestIamPermissionsResponse,
    reply: (request, { isGranted }) => {
      const { permissions } = request as { readonly permissions: readonly string[] };
      return { permissions: permissions.filter(isGranted) };
    },
  },
};

export class GoogleServices {
  /** The status with which it responds. */
  answer: GoogleAnswer = 'OK';
  /** The statuses with which single methods respond instead. */
  readonly answers = new Map<string, GoogleAnswer>();
  /** The permissions that are granted, of those that a caller asks about. */
  isGranted: (permission: string) => boolean = () => true;
  readonly calls: GoogleCall[] = [];
  /** The method of each call, in the order of arrival. */
  readonly called = new Signal<string>();
  /** The method of each call that the client cancelled. */
  readonly cancelled = new Signal<string>();
  host = '';

  /** Starts the server, which runs until the test ends. */
  static async start(): Promise<GoogleServices> {
    const services = new GoogleServices();
    const server = new Server();
    for (const [name, method] of Object.entries(METHODS)) services.#serve(server, name, method);
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    onTestFinished(() => server.forceShutdown());
    services.host = `127.0.0.1:${port}`;
    return services;
  }

  #serve(server: Server, name: string, { service, request, response, reply }: Method): void {
    const definition = {
      path: `/${service}/${name}`,
      requestStream: false,
      responseStream: false,
      requestSerialize: (message: object) => Buffer.from(request.encode(message).finish()),
      requestDeserialize: (bytes: Buffer) => request.decode(bytes),
      responseSerialize: (message: object) => Buffer.from(response.encode(message).finish()),
      responseDeserialize: (bytes: Buffer) => response.decode(bytes),
    } as const;
    server.addService(
      { [name]: definition },
      {
        [name]: (
          call: { readonly request: object; on(event: 'cancelled', fn: () => void): unknown },
          done: sendUnaryData<object>,
        ) => {
          call.on('cancelled', () => this.cancelled.emit(name));
          this.calls.push({ method: name, request: JSON.parse(JSON.stringify(call.request)) });
          this.called.emit(name);
          this.#answer(done, this.answers.get(name) ?? this.answer, () =>
            reply(call.request, this),
          );
        },
      },
    );
  }

  #answer(done: sendUnaryData<object>, answer: GoogleAnswer, reply: () => object): void {
    if (answer === 'silence') return;
    if (answer === 'OK') done(null, reply());
    else done({ code: status[answer], details: `it is ${answer}` });
  }
}
