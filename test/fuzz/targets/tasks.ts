/**
 * Pushed tasks. A push always gets a response with a status of its table, whatever it holds, and its handler
 * sees only payloads that are such. A stored request is read as it was written, or refused as `data-loss`.
 */
import { hasCode } from '@postlude/queue/foundations';
import {
  createPushHandler,
  jsonPayload,
  noPayload,
  type PushRequest,
  protobufPayload,
  TaskClasses,
  taskClass,
} from '@postlude/queue/tq';
import {
  decodeRequest,
  encodeRequest,
} from '../../../packages/queue/src/tq/reminders/stored-request.ts';
import { EndInvocationRequestSchema } from '../../../src/gen/postlude/v1/invocations_pb.js';
import { declared, type FuzzTarget, require, requireSame } from '../engine/target.ts';

const STATUSES = [200, 202, 204, 400, 404, 413, 429, 500];
const QUEUE = { kind: 'non-transactional', queue: 'q' } as const;
const handle = (): Promise<void> => Promise.resolve();

const push = createPushHandler({
  classes: new TaskClasses([
    taskClass({
      id: 'json',
      payload: jsonPayload({ toJson: (value) => value, fromJson: (json) => json }),
      handle,
      ...QUEUE,
    }),
    taskClass({
      id: 'proto',
      payload: protobufPayload(EndInvocationRequestSchema),
      handle,
      ...QUEUE,
    }),
    taskClass({ id: 'nothing', payload: noPayload, handle, ...QUEUE }),
  ]),
  maxBodyBytes: 32 * 1024,
});

export const taskTargets: readonly FuzzTarget[] = [
  {
    name: 'push',
    reads:
      'pushes of tasks, as Cloud Tasks and Pub/Sub send them: headers, an empty line, and an envelope',
    dictionary: [
      ...[
        '{"class":"json","body":',
        '{"class":"proto","type":"postlude.v1.EndInvocationRequest","body":{',
      ],
      ...[
        '"class":"nothing"',
        '"type":',
        '"body":null',
        '"cancelled":true',
        '"reason":"r"',
        '"properties":{',
      ],
      ...[
        'x-cloudtasks-taskname: a\n',
        'x-cloudtasks-taskexecutioncount: 3\n',
        'content-length: 9\n',
        '\n\n',
      ],
      ...[
        'x-cloudtasks-tasketa: 1767323045.5\n',
        'x-appengine-taskretryreason: r\n',
        'traceparent: 00-',
      ],
      ...[
        'x-cloudtasks-taskpreviousresponse: 500\n',
        '4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      ],
    ],
    check: checkPush,
  },
  {
    name: 'stored-requests',
    reads: 'requests to submit, as reminders and the queue store them',
    dictionary: [
      ...[
        '{"version":1,"kind":"queue"',
        '"kind":"topic"',
        '"classId":"c"',
        '"queue":"q"',
        '"method":"POST"',
      ],
      ...[
        '"url":"https://a/b"',
        '"headers":{"a":"b"}',
        '"body":"YWJj"',
        '"scheduleTime":1767323045000',
      ],
      ...[
        '"pushAs":{"email":"a@b","audience":"c"}',
        '"topic":"t"',
        '"data":"YWJj"',
        '"attributes":{}',
      ],
    ],
    check: checkStoredRequest,
  },
];

async function checkPush(input: Buffer): Promise<void> {
  const text = input.toString('latin1');
  const end = text.indexOf('\n\n');
  const headers = Object.fromEntries(
    text
      .slice(0, Math.max(0, end))
      .split('\n')
      .map((line) => [line.split(':', 1)[0] ?? '', line.slice(line.indexOf(':') + 1).trim()]),
  );
  const body = input.subarray(end < 0 ? 0 : end + 2);
  const request: PushRequest = {
    method: 'POST',
    headers,
    host: 'localhost',
    peerAddress: '127.0.0.1',
    body: () => streamOf(body),
    signal: new AbortController().signal,
  };
  const { status, message } = await push(request);
  require(STATUSES.includes(status), `the status is ${status}: ${message}`);
  require(status !== 500, 'a push of a task whose handler cannot fail has failed');
}

async function* streamOf(body: Buffer): AsyncGenerator<Uint8Array> {
  yield body.subarray(0, body.length >> 1);
  yield body.subarray(body.length >> 1);
}

function checkStoredRequest(input: Buffer): void {
  const request = declared(
    () => decodeRequest(input),
    (error) => hasCode(error, 'data-loss'),
  );
  if (request === undefined) return;
  const again = decodeRequest(encodeRequest(request));
  requireSame(JSON.stringify(again), JSON.stringify(request), 'a stored request');
}
