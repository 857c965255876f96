/** Calls that have not begun end when the server begins to stop; those in work finish. */
import { connect as connectHttp2 } from 'node:http2';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { expect, onTestFinished, test } from 'vitest';
import { LIST_TASKS, serveRpcs } from '../../../test/support/server/rpc-server.ts';
import { openTestAdmission } from '../../../test/support/server/test-admission.ts';
import { Signal } from '../../../test/support/signal.ts';
import { Tasks } from '../../gen/postlude/v1/tasks_pb.js';

test('a body that has not arrived as a whole is refused, and the client may try again', async () => {
  const { draining, logged, url } = await serveRpcs();
  const session = connectHttp2(url);
  onTestFinished(() => session.destroy());
  const headers = { ':method': 'POST', ':path': LIST_TASKS, 'content-type': 'application/grpc' };
  const stream = session.request({ ...headers, te: 'trailers' });
  const told = new Promise<Record<string, unknown>>((resolve) => stream.once('trailers', resolve));
  await new Promise((done) => stream.write(Buffer.from([0, 0, 0, 0, 9, 1]), done));
  await new Promise((done) => session.ping(done)); // The server has got the request.
  draining.abort();
  stream.resume();
  expect(await told).toMatchObject({ 'grpc-status': String(Code.Unavailable) });
  expect(await logged.next()).toMatchObject({ code: 'unavailable' });
});

test('a call that waits for its turn is refused, and the one in work is finished', async () => {
  const { admission } = openTestAdmission({ atOnce: 1 });
  const [entered, end] = [new Signal(), new Signal()];
  const listTasks = async () => {
    entered.emit();
    await end.next();
  };
  const { draining, url } = await serveRpcs({ listTasks }, { admission });
  const client = createClient(Tasks, createConnectTransport({ baseUrl: url, httpVersion: '2' }));
  const inWork = client.listTasks({});
  await entered.next();
  const waits = client.listTasks({}).catch(ConnectError.from);
  while (admission.readState().classes.every(({ waiting }) => waiting === 0)) {
    await new Promise(setImmediate);
  }
  draining.abort();
  expect(await waits).toMatchObject({ code: Code.Unavailable });
  end.emit();
  expect(await inWork).toMatchObject({ nextPageToken: expect.any(String) });
  const later = client.listTasks({});
  await entered.next();
  end.emit();
  expect(await later).toMatchObject({ nextPageToken: expect.any(String) });
});
