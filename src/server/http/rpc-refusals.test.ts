import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from '@connectrpc/connect-node';
import { expect, test } from 'vitest';
import { openPort } from '../../../test/support/server/one-port-world.ts';
import { Tasks } from '../../gen/postlude/v1/tasks_pb.js';
import { refuseForNow } from './rpc-refusals.ts';

async function openBusyPort(): Promise<string> {
  const { address } = await openPort({ handle: refuseForNow });
  return `http://127.0.0.1:${address.port}`;
}

async function call(transport: Transport): Promise<ConnectError> {
  const { listTasks } = createClient(Tasks, transport);
  return ConnectError.from(await listTasks({}).catch((error: unknown) => error));
}

test.each([
  ['gRPC', (baseUrl: string) => createGrpcTransport({ baseUrl })],
  ['gRPC-web', (baseUrl: string) => createGrpcWebTransport({ baseUrl, httpVersion: '2' })],
  ['Connect', (baseUrl: string) => createConnectTransport({ baseUrl, httpVersion: '2' })],
  [
    'Connect in JSON',
    (baseUrl: string) =>
      createConnectTransport({ baseUrl, httpVersion: '1.1', useBinaryFormat: false }),
  ],
])('a client of %s understands that it should try again', async (_protocol, open) => {
  const error = await call(open(await openBusyPort()));
  expect(error.code).toBe(Code.ResourceExhausted);
  expect(error.rawMessage).toBe('the server is busy; try again in 1 s');
  expect(error.metadata.get('retry-after')).toBe('1');
});

test('so does one of pRPC', async () => {
  const url = `${await openBusyPort()}/prpc/postlude.v1.Tasks/ListTasks`;
  const response = await fetch(url, { method: 'POST', body: '{}' });
  expect(response.status).toBe(429);
  expect(response.headers.get('x-prpc-grpc-code')).toBe('8');
  expect(await response.text()).toBe('the server is busy; try again in 1 s');
});
