import type { Socket } from 'node:net';
import { respond } from '@postlude/queue/foundations';
import type { FakeClock } from '@postlude/queue/testing';
import { expect, test } from 'vitest';
import {
  dial,
  EMPTY_SETTINGS,
  GET,
  openPort,
  PREFACE,
  readAll,
} from '../../../test/support/server/one-port-world.ts';
import { REQUESTS_A_TURN } from './connections/request-turns.ts';

const HEADERS = 1;
/** END_STREAM and END_HEADERS. */
const WHOLE = 0x05;
const RST_STREAM = 3;
const CANCEL = Buffer.from([0, 0, 0, 8]);

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

function frame({ flags, payload, stream, type }: Frame): Buffer {
  const head = Buffer.from([0, 0, payload.length, type, flags, 0, 0, 0, 0]);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Requests of HTTP/2 for a path, in what is one read of the server. */
function requests(count: number, path = '/'): Buffer {
  const fields = [0x82, 0x86, 0x04, path.length, ...Buffer.from(path), 0x41, 1, 0x78];
  const payload = Buffer.from(fields);
  const all = Array.from({ length: count }, (_, index) => {
    return frame({ type: HEADERS, flags: WHOLE, stream: 2 * index + 1, payload });
  });
  return Buffer.concat([Buffer.from(PREFACE), EMPTY_SETTINGS, ...all]);
}

function cancellations(count: number): Buffer {
  return Buffer.concat(
    Array.from({ length: count }, (_, index) => {
      return frame({ type: RST_STREAM, flags: 0, stream: 2 * index + 1, payload: CANCEL });
    }),
  );
}

/** A second passes before the event loop turns again. */
function advanceBeforeTurn(clock: FakeClock): void {
  setImmediate(() => clock.advance(1_000));
}

async function readWhile(socket: Socket, isMissing: (text: string) => boolean): Promise<string> {
  let text = '';
  for await (const chunk of socket) {
    text += String(chunk);
    if (!isMissing(text)) break;
  }
  return text;
}

const count = (text: string, part: string): number => text.split(part).length - 1;

test('requests that could not begin within a second are refused', async () => {
  const { address, clock } = await openPort({
    handle: (_request, response) => {
      advanceBeforeTurn(clock);
      respond(response, 200, 'done');
    },
  });
  const socket = dial(address);
  socket.write(requests(REQUESTS_A_TURN + 6));
  const text = await readWhile(
    socket,
    (so) => count(so, 'done') + count(so, 'server is busy') < REQUESTS_A_TURN + 6,
  );
  expect(count(text, 'server is busy')).toBe(6);
});

test('those for the health of the server are not refused', async () => {
  const { address, clock } = await openPort({
    handle: (_request, response) => {
      advanceBeforeTurn(clock);
      respond(response, 200, 'done');
    },
  });
  const socket = dial(address);
  socket.write(requests(REQUESTS_A_TURN + 6, '/healthz'));
  const text = await readWhile(socket, (so) => count(so, 'done') < REQUESTS_A_TURN + 6);
  expect(text).not.toContain('server is busy');
});

test('clients may cancel any number of requests that they have waited for', async () => {
  const [clients, each] = [5, 250]; // A connection may have 256.
  const closed: Promise<unknown>[] = [];
  const allBegun = Promise.withResolvers<void>();
  const { address, clock } = await openPort({
    handle: (request, response) => {
      if (request.httpVersion === '1.1') respond(response, 200, 'served');
      else closed.push(new Promise((resolve) => response.once('close', resolve)));
      if (closed.length === clients * each) allBegun.resolve();
    },
  });
  const sockets = Array.from({ length: clients }, () => dial(address));
  for (const socket of sockets) {
    socket.resume();
    socket.write(requests(each));
  }
  await allBegun.promise;
  clock.advance(1_000);
  for (const socket of sockets) socket.write(cancellations(each));
  await Promise.all(closed);
  const other = dial(address);
  other.write(GET.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n'));
  expect(await readAll(other)).toContain('served');
});
