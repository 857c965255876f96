/** A port of both protocols, and clients that speak to it by hand. */
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { type NodeServerResponse, noMetrics, respond } from '@postlude/queue/foundations';
import { FakeClock } from '@postlude/queue/testing';
import { onTestFinished } from 'vitest';
import { OnePort, type OnePortOptions } from '../../../src/server/http/one-port.ts';
import { RecordingLog } from '../recording-log.ts';
import { Signal } from '../signal.ts';

/** What a client of HTTP/2 sends first. */
export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
export const EMPTY_SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
export const GET = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n';

/** POST / on stream 1, without its end, and a message of gRPC that is announced and never sent. */
export const UNFINISHED_POST = Buffer.concat([
  Buffer.from(PREFACE),
  EMPTY_SETTINGS,
  Buffer.from([0, 0, 6, 1, 4, 0, 0, 0, 1, 0x83, 0x86, 0x84, 0x41, 1, 0x78]),
  Buffer.from([0, 0, 5, 0, 0, 0, 0, 0, 1, 0, 0x78, 0x78, 0x78, 0x78]),
]);

/** Serves on a free port of this machine until the test ends. */
export async function openPort(options: Partial<OnePortOptions> = {}) {
  const clock = new FakeClock();
  const log = new RecordingLog();
  const port = new OnePort({
    handle: (request, response) => respond(response, 200, `HTTP/${request.httpVersion}`),
    maxConnections: 10,
    requestTimeoutMs: 60_000,
    clock,
    log,
    metrics: noMetrics,
    ...options,
  });
  const address = await port.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(async () => {
    const closed = port.close();
    port.destroy();
    await closed;
  });
  return { port, clock, log, address };
}

/** Serves requests that wait for the test to respond. */
export async function openWithHeldRequests() {
  const held = new Signal<NodeServerResponse>();
  const opened = await openPort({ handle: (_request, response) => held.emit(response) });
  return { ...opened, held };
}

export function dial(address: { readonly host: string; readonly port: number }): Socket {
  const socket = connect(address);
  socket.on('error', () => undefined); // a reset is as good as an end
  onTestFinished(() => void socket.destroy());
  return socket;
}

/** What came until the other side ended the connection. */
export async function readAll(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

export function until(socket: Socket, event: 'data' | 'close' | 'connect'): Promise<unknown> {
  return new Promise((resolve) => socket.once(event, resolve));
}

export function getOverHttp2(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(url);
    session.on('error', reject);
    const stream = session.request({ ':path': '/' });
    let body = '';
    stream.on('data', (chunk) => {
      body += String(chunk);
    });
    stream.on('end', () => {
      session.close();
      resolve(body);
    });
  });
}
