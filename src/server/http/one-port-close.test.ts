import { connect as connectHttp2, constants, type Http2ServerResponse } from 'node:http2';
import { connect } from 'node:net';
import { type NodeServerResponse, respond } from '@postlude/queue/foundations';
import { expect, onTestFinished, test } from 'vitest';
import {
  dial,
  EMPTY_SETTINGS,
  GET,
  getOverHttp2,
  openPort,
  openWithHeldRequests,
  PREFACE,
  readAll,
  UNFINISHED_POST,
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

test('close waits for nobody who has not sent a whole head', async () => {
  const { port, address } = await openPort();
  const slow = dial(address);
  slow.write('GET / HTTP/1.1\r\nhos');
  slow.resume();
  expect(await getOverHttp2(`http://${address.host}:${address.port}`)).toBe('HTTP/2.0');
  await port.close();
  await until(slow, 'close');
});

test.each(['before', 'after'])(
  'close waits for no rest of a request that was responded to %s it',
  async (when) => {
    const { address, held, port } = await openWithHeldRequests();
    const socket = dial(address);
    socket.write(UNFINISHED_POST);
    socket.resume();
    const response = await held.next();
    await new Promise((resolve) => response.req.once('data', resolve));
    const { stream } = response as Http2ServerResponse;
    const sent = new Promise((resolve) => stream.once('finish', resolve));
    if (when === 'after') {
      const closed = port.close();
      respond(response, 200, 'enough');
      await closed;
    } else {
      respond(response, 200, 'enough');
      await sent;
      await port.close();
    }
  },
);

/** A client of HTTP/2 that never ends its side. */
async function openEndless(address: { readonly host: string; readonly port: number }) {
  const socket = connect({ ...address, allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  const ended = new Promise((resolve) => socket.once('end', resolve));
  socket.write(Buffer.concat([Buffer.from(PREFACE), EMPTY_SETTINGS]));
  await until(socket, 'data');
  return { ended };
}

test('close waits for a second for a peer that does not end its connection', async () => {
  const { address, clock, port } = await openPort();
  const { ended } = await openEndless(address);
  const sleepers = clock.sleepers;
  const closed = port.close();
  await ended;
  await clock.untilSleepers(sleepers + 1);
  clock.advance(1_000);
  await closed;
});

test('destroy waits for no such peer', async () => {
  const { address, port } = await openPort();
  const { ended } = await openEndless(address);
  const closed = port.close();
  await ended;
  port.destroy();
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
