/** What the log says of clients that disconnect: that their calls were cancelled, and nothing is wrong. */
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { LIST_TASKS, serveRpcs } from '../../../test/support/server/rpc-server.ts';
import { Signal } from '../../../test/support/signal.ts';

const WATCH = '/postlude.v1.Invocations/WatchInvocation';

test.each(['application/grpc', 'application/proto', 'application/json'])(
  'a client of HTTP/2 that leaves within a body of %s has cancelled its call',
  async (type) => {
    const { logged, url } = await serveRpcs();
    const session = connectHttp2(url);
    onTestFinished(() => session.destroy());
    const headers = { ':method': 'POST', ':path': LIST_TASKS, 'content-type': type };
    const stream = session.request({ ...headers, te: 'trailers' });
    stream.on('error', () => undefined);
    await new Promise((done) => stream.write(Buffer.alloc(3), done));
    await new Promise((done) => session.ping(done)); // The server has got the request.
    session.destroy();
    expect(await logged.next()).toMatchObject({ level: 'debug', code: 'canceled' });
  },
);

test('and so has one of HTTP/1.1', async () => {
  const { logged, host, port } = await serveRpcs();
  const socket = connect({ host, port });
  const head = `POST ${LIST_TASKS} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json`;
  await new Promise((done) => socket.write(`${head}\r\ncontent-length: 9\r\n\r\n{`, done));
  socket.end();
  expect(await logged.next()).toMatchObject({ level: 'debug', code: 'canceled' });
  socket.destroy();
});

test('and so has a watcher, even if its method does not notice', async () => {
  const entered = new Signal();
  const end = new Signal();
  const { logged, url } = await serveRpcs({
    watch: async function* () {
      yield;
      entered.emit();
      await end.next();
    },
  });
  const session = connectHttp2(url);
  const headers = { ':method': 'POST', ':path': WATCH, 'content-type': 'application/grpc' };
  const stream = session.request({ ...headers, te: 'trailers' });
  stream.on('error', () => undefined);
  stream.end(Buffer.alloc(5));
  await entered.next();
  session.destroy();
  expect(await logged.next()).toMatchObject({ level: 'debug', code: 'canceled' });
  end.emit();
});
