import type { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect as connectHttp2, constants } from 'node:http2';
import {
  type NodeServerResponse,
  noMetrics,
  respond,
  silentLog,
} from '@postlude/queue/foundations';
import { FakeClock } from '@postlude/queue/testing';
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
import { OnePort } from './one-port.ts';

test('serves HTTP/1.1 and HTTP/2 on one port', async () => {
  const { address } = await openPort();
  const url = `http://127.0.0.1:${address.port}`;
  expect(await (await fetch(url)).text()).toBe('HTTP/1.1');
  expect(await getOverHttp2(url)).toBe('HTTP/2.0');
});

test.each([
  ['HTTP/1.1', GET.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n'), /^HTTP\/1.1 200 OK/],
  ['a method that begins like the preface', 'PRISM / HTTP/1.1\r\n\r\n', /^HTTP\/1.1 400 /],
  ['nonsense', '\0\0\0\0\r\n\r\n', /^HTTP\/1.1 400 /],
])('decides on %s that comes byte by byte', async (_what, text, answer) => {
  const { address } = await openPort();
  const socket = dial(address);
  socket.setNoDelay(true);
  await until(socket, 'connect');
  const read = readAll(socket);
  for (const byte of text) await new Promise<void>((done) => socket.write(byte, () => done()));
  expect(await read).toMatch(answer);
});

test('decides on HTTP/2 that comes byte by byte', async () => {
  const { address } = await openPort();
  const socket = dial(address);
  await until(socket, 'connect');
  const answered = until(socket, 'data');
  for (const byte of PREFACE) await new Promise<void>((done) => socket.write(byte, () => done()));
  socket.write(EMPTY_SETTINGS);
  const frame = (await answered) as Buffer;
  expect(frame[3]).toBe(4); // the server's own SETTINGS
});

test('hangs up on clients that ask for nothing for 15 s, by either protocol', async () => {
  const { address, clock, port } = await openPort();
  const silent = [dial(address), dial(address), dial(address)];
  silent[1]?.write(PREFACE.slice(0, 10));
  silent[2]?.write(PREFACE);
  silent[2]?.write(EMPTY_SETTINGS);
  for (const socket of silent) socket.resume();
  await getOverHttp2(`http://127.0.0.1:${address.port}`); // accepted after the others
  const ended = Promise.all(silent.map((socket) => until(socket, 'close')));
  clock.advance(15_000);
  port.check();
  await ended;
});

test('cuts off a request of HTTP/2 that takes too long to arrive', async () => {
  const { address, clock } = await openPort({
    handle: (request, response) => {
      request.on('end', () => respond(response, 200, 'all of it'));
      request.resume();
    },
  });
  const session = connectHttp2(`http://127.0.0.1:${address.port}`);
  onTestFinished(() => session.destroy());
  const stream = session.request({ ':method': 'POST' });
  stream.on('error', () => undefined);
  stream.write('half of it');
  await clock.untilSleepers(2);
  const closed = new Promise((resolve) => stream.once('close', resolve));
  clock.advance(60_000);
  await closed;
  expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
});

test('survives connections that end or break at once', async () => {
  const { address } = await openPort();
  const ends = dial(address);
  ends.end();
  await until(ends, 'close');
  const breaks = dial(address);
  await until(breaks, 'connect');
  breaks.write('PRI');
  breaks.resetAndDestroy();
  const broken = dial(address);
  broken.write(`${PREFACE}${'nonsense'.repeat(10)}`);
  await readAll(broken);
  expect(await getOverHttp2(`http://127.0.0.1:${address.port}`)).toBe('HTTP/2.0');
});

test('refuses headers that are too large', async () => {
  const { address } = await openPort();
  const socket = dial(address);
  socket.write(`GET / HTTP/1.1\r\nhost: x\r\nlong: ${'x'.repeat(40_000)}\r\n\r\n`);
  expect(await readAll(socket)).toMatch(/^HTTP\/1.1 431 /);
});

test('beyond the limit, busy connections stay, and only the state may be asked for', async () => {
  const held = new Signal<NodeServerResponse>();
  const { address } = await openPort({
    maxConnections: 1,
    handle: (request, response) => {
      if (request.url === '/busy') held.emit(response);
      else respond(response, 200, 'ok');
    },
  });
  const busy = dial(address);
  busy.write('GET /busy HTTP/1.1\r\nhost: x\r\n\r\n');
  const response = await held.next();
  const other = dial(address);
  other.write(GET);
  expect(await readAll(other)).toMatch(/^HTTP\/1.1 503 [\s\S]*too many connections/);
  const probe = dial(address);
  probe.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
  expect(await readAll(probe)).toMatch(/^HTTP\/1.1 200 /);
  const answered = until(busy, 'data');
  respond(response, 200, 'served');
  await answered;
});

test('silent connections keep nobody out: the oldest gives up its place', async () => {
  const { address } = await openPort({ maxConnections: 2 });
  const oldest = dial(address);
  await until(oldest, 'connect');
  const newer = dial(address);
  await until(newer, 'connect');
  const gone = until(oldest, 'close');
  expect(await getOverHttp2(`http://127.0.0.1:${address.port}`)).toBe('HTTP/2.0');
  await gone;
  expect(newer.destroyed).toBe(false);
});

test('a client of HTTP/2 that ends its side has left, whatever it has announced', async () => {
  const { address, held } = await openWithHeldRequests();
  const socket = dial(address);
  socket.write(UNFINISHED_POST);
  const response = await held.next();
  const closed = Promise.all([
    new Promise((resolve) => response.once('close', resolve)),
    until(socket, 'close'),
  ]);
  socket.resume();
  socket.end();
  await closed;
});

test('a client of HTTP/2 that is told enough cannot keep its stream by sending nothing', async () => {
  const { address, clock, held } = await openWithHeldRequests();
  const socket = dial(address);
  socket.write(UNFINISHED_POST);
  socket.resume();
  const response = await held.next();
  await new Promise((resolve) => response.req.once('data', resolve));
  const closed = new Promise((resolve) => response.once('close', resolve));
  const sleepers = clock.sleepers;
  respond(response, 200, 'enough');
  await clock.untilSleepers(sleepers + 1);
  clock.advance(5_000);
  await closed;
  expect(socket.destroyed).toBe(false);
});

/** Begins a request on a stream, and cancels it. */
function cancelledRequest(stream: number): Buffer {
  const fields = Buffer.from([0x82, 0x86, 0x84, 0x41, 1, 0x78]); // GET http / of x
  const id = Buffer.alloc(4);
  id.writeUInt32BE(stream);
  const headers = [Buffer.from([0, 0, fields.length, 1, 0x05]), id, fields];
  return Buffer.concat([...headers, Buffer.from([0, 0, 4, 3, 0]), id, Buffer.from([0, 0, 0, 8])]);
}

test('a client of HTTP/2 that cancels requests without end is refused for a while', async () => {
  const { address, clock } = await openPort({ handle: () => undefined });
  const socket = dial(address);
  const closed = until(socket, 'close');
  socket.resume();
  socket.write(Buffer.concat([Buffer.from(PREFACE), EMPTY_SETTINGS]));
  for (let each = 0; each <= 1_000; each++) socket.write(cancelledRequest(2 * each + 1));
  await closed;
  const refused = dial(address);
  refused.write(GET);
  expect(await readAll(refused).catch(() => '')).toBe('');
  clock.advance(3_600_000);
  const served = dial(address);
  served.write(Buffer.concat([Buffer.from(PREFACE), EMPTY_SETTINGS]));
  expect(((await until(served, 'data')) as Buffer)[3]).toBe(4); // the server's own SETTINGS
});

test('a client that breaks the protocol of HTTP/2 again and again is refused for a while', async () => {
  const { address, clock } = await openPort();
  const resetOfNoStream = Buffer.from([0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 8]);
  const broken = Buffer.concat([Buffer.from(PREFACE), EMPTY_SETTINGS, resetOfNoStream]);
  const answers: string[] = [];
  for (let each = 0; each < 12; each++) {
    const socket = dial(address);
    socket.write(broken);
    answers.push(await readAll(socket).catch(() => ''));
  }
  expect(answers.slice(0, 10)).not.toContain('');
  expect(answers.at(-1)).toBe('');
  clock.advance(3_600_000);
  expect(await getOverHttp2(`http://${address.host}:${address.port}`)).toBe('HTTP/2.0');
});

test('a peer of HTTP/2 that vanished without a word is missed after 50 s', async () => {
  const { address, clock, port, held } = await openWithHeldRequests();
  const vanished = dial(address); // a socket that responds to no ping
  vanished.write(UNFINISHED_POST);
  vanished.resume();
  await held.next();
  const session = connectHttp2(`http://127.0.0.1:${address.port}`);
  onTestFinished(() => session.destroy());
  session.request().on('error', () => undefined);
  await held.next();
  const pinged = new Promise((resolve) => session.once('ping', resolve));
  clock.advance(30_000);
  port.check();
  await pinged;
  await new Promise((resolve) => session.ping(resolve)); // ours is answered after theirs
  const closed = until(vanished, 'close');
  clock.advance(20_000);
  port.check();
  await closed;
  expect(session.destroyed).toBe(false);
});

test.each(['HTTP/1.1', 'HTTP/2'])(
  'a client of %s that does not read is dropped after 60 s',
  async (protocol) => {
    const { address, clock, port, held } = await openWithHeldRequests();
    const socket = dial(address);
    socket.pause();
    socket.write(protocol === 'HTTP/2' ? UNFINISHED_POST : GET);
    const response = await held.next();
    const closed = new Promise((resolve) => response.once('close', resolve));
    response.on('error', () => undefined);
    (response as ServerResponse).write(Buffer.alloc(64 * 1024 ** 2));
    port.check();
    clock.advance(60_000);
    port.check();
    await closed;
  },
);

test('throws where the port is taken', async () => {
  const { address } = await openPort();
  const other = new OnePort({
    handle: () => undefined,
    maxConnections: 1,
    requestTimeoutMs: 60_000,
    clock: new FakeClock(),
    log: silentLog,
    metrics: noMetrics,
  });
  await expect(other.listen(address)).rejects.toThrow('EADDRINUSE');
});

test('logs a connection that could not be accepted, and serves the next one', async () => {
  const failure = new Error('accept ENOMEM');
  const { address, log } = await openPort({
    handle: (request, response) => {
      // Node tells its server, which is out of reach but for its sockets.
      const { server } = request.socket as unknown as { readonly server: EventEmitter };
      server.emit('error', failure);
      respond(response, 200, 'still here');
    },
  });
  const url = `http://127.0.0.1:${address.port}`;
  expect(await (await fetch(url)).text()).toBe('still here');
  expect(log.lines).toEqual([
    { level: 'error', message: 'accept failed', fields: { error: failure } },
  ]);
});
