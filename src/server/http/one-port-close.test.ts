import { connect as connectHttp2, constants } from 'node:http2';
import { type NodeServerResponse, respond } from '@postlude/queue/foundations';
import { expect, onTestFinished, test } from 'vitest';
import {
  dial,
  GET,
  getOverHttp2,
  openPort,
  openWithHeldRequests,
  readAll,
  until,
} from '../../../test/support/server/one-port-world.ts';
import { Signal } from '../../../test/support/signal.ts';

test('close lets requests under way finish, and idle connections go', async () => {
  const { address, port, held } = await openWithHeldRequests();
  const socket = dial(address);
  socket.write(GET);
  const response = await held.next();
  const http2 = getOverHttp2(`http://127.0.0.1:${address.port}`);
  const http2Response = await held.next();
  const idle = dial(address);
  await until(idle, 'connect');
  expect(port.activeRequests).toBe(2);

  let isClosed = false;
  const closed = port.close().then(() => {
    isClosed = true;
  });
  await until(idle, 'close');
  await expect(fetch(`http://127.0.0.1:${address.port}`)).rejects.toThrow();
  expect(isClosed).toBe(false);
  respond(http2Response, 200, 'done');
  expect(await http2).toBe('done');
  respond(response, 200, 'done');
  expect(await readAll(socket)).toMatch(/connection: close[\s\S]*done$/i);
  await closed;
});

test('close sends idle clients of HTTP/2 away, and serves what they have asked before', async () => {
  const asked = new Signal<NodeServerResponse>();
  const { port, address } = await openPort({ handle: (_, response) => asked.emit(response) });
  const ask = () => {
    const session = connectHttp2(`http://127.0.0.1:${address.port}`);
    onTestFinished(() => session.destroy());
    session.request({ ':path': '/' }).resume();
    return session;
  };
  const idle = ask();
  respond(await asked.next(), 200, 'first');
  ask();
  const last = await asked.next();
  const closed = port.close();
  await new Promise((resolve) => idle.once('close', resolve));
  expect(port.activeRequests).toBe(1);
  respond(last, 200, 'last');
  await closed;
});

test('destroy ends what close would wait for', async () => {
  const { address, port, held } = await openWithHeldRequests();
  const socket = dial(address);
  socket.write(GET);
  await held.next();
  const session = connectHttp2(`http://127.0.0.1:${address.port}`);
  const stream = session.request();
  const failed = new Promise((resolve) => {
    session.on('error', resolve);
    stream.on('error', resolve);
    stream.on('close', resolve);
  });
  await held.next();
  const closed = port.close();
  port.destroy();
  await closed;
  await failed;
  expect(stream.rstCode).not.toBe(constants.NGHTTP2_NO_ERROR);
});
