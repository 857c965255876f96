/** Connections and streams that take a place, and give nothing back. */
import type { ClientHttp2Session } from 'node:http2';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { create, toBinary } from '@bufbuild/protobuf';
import { QueryTestResultsRequestSchema } from '../../src/gen/luci/resultdb/v1/resultdb_pb.js';
import { WatchInvocationRequestSchema } from '../../src/gen/postlude/v1/invocations_pb.js';
import type { ServerAttack } from './attack.ts';
import type { Attacker } from './attacker.ts';
import { recordResults } from './results.ts';

const GET = '/luci.resultdb.v1.ResultDB/GetInvocation';
const QUERY = '/luci.resultdb.v1.ResultDB/QueryTestResults';
const WATCH = '/postlude.v1.Invocations/WatchInvocation';
const GRPC = { 'content-type': 'application/grpc', te: 'trailers' };
const ANNOUNCED = Buffer.from('0078787878', 'hex');
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const EMPTY_SETTINGS = Buffer.from('000000040000000000', 'hex');
const PING = Buffer.from('0000080600000000000000000000000000', 'hex');
const FRAMES_A_WRITE = 2000;
const CHUNK_BYTES = 64 * 1024;

export const CONNECTIONS: readonly ServerAttack[] = [
  {
    kind: 'server',
    name: 'oversized-announcements',
    says: 'gRPC streams that announce 2 GB, on connections whose clients leave without closing',
    outcomes: [],
    prepare: (attacker) => () =>
      Promise.all(Array.from({ length: attacker.many(50) }, () => announceAndLeave(attacker))),
  },
  {
    kind: 'server',
    name: 'silent-connections',
    says: '1,024 connections without a request, half of which begin HTTP/2',
    outcomes: [],
    prepare: (attacker) => async () => {
      const sockets = Array.from({ length: attacker.many(1024) }, () => attacker.socket());
      for (const [index, socket] of sockets.entries()) if (index % 2) socket.write(PREFACE);
      await attacker.hold();
      for (const socket of sockets) socket.destroy();
    },
  },
  {
    kind: 'server',
    name: 'unfinished-bodies',
    says: '80 bodies of 15 MB on one connection, none of which ends',
    outcomes: [],
    prepare: (attacker) => () =>
      attacker.sessions(1, async ([session]) => {
        if (!session) return;
        const bodies = Array.from({ length: attacker.many(80) }, () => {
          return sendForever(attacker, session, 15 * 1024 ** 2);
        });
        await Promise.race([Promise.all(bodies).then(() => attacker.hold()), closed(session)]);
      }),
  },
  {
    kind: 'server',
    name: 'slow-readers',
    says: '15 readers of large pages who do not read',
    outcomes: [],
    prepare: async (attacker) => {
      const { name } = await recordResults(attacker, { count: attacker.many(2000), bytes: 2000 });
      const message = create(QueryTestResultsRequestSchema, {
        invocations: [name],
        pageSize: 10_000,
      });
      const body = toBinary(QueryTestResultsRequestSchema, message);
      return () =>
        attacker.sessions(attacker.many(15), async (all) => {
          for (const session of all) attacker.open(session, { path: QUERY, body })?.end(body);
          await attacker.hold();
        });
    },
  },
  {
    kind: 'server',
    name: 'vanished-peers',
    says: '100 watchers whose machines vanish without a word',
    outcomes: [],
    prepare: async (attacker) => {
      const { name } = await attacker.invocation();
      const message = toBinary(
        WatchInvocationRequestSchema,
        create(WatchInvocationRequestSchema, { name }),
      );
      return async () => {
        const count = attacker.many(100);
        const links = await Promise.all(
          Array.from({ length: count }, () => watch(attacker, message)),
        );
        for (const link of links) link.cut();
        await attacker.hold();
        for (const link of links) link.close();
      };
    },
  },
  {
    kind: 'server',
    name: 'rapid-resets',
    says: 'requests that are cancelled at once, 2,000 a connection',
    outcomes: [],
    prepare: (attacker) => () =>
      attacker.sessions(attacker.many(4), async (all) => {
        for (let sent = 0; sent < attacker.many(2000); sent += 1) {
          for (const session of all) attacker.open(session, { path: GET })?.close();
          if (sent % 100 === 0) await new Promise(setImmediate);
        }
      }),
  },
  {
    kind: 'server',
    name: 'frame-floods',
    says: 'empty settings and pings as fast as a connection takes them, on four connections',
    outcomes: [],
    prepare: (attacker) => () =>
      Promise.all(
        Array.from({ length: attacker.many(4) }, (_, index) =>
          flood(attacker, index % 2 ? PING : EMPTY_SETTINGS),
        ),
      ),
  },
];

async function announceAndLeave(attacker: Attacker): Promise<void> {
  const socket = attacker.socket();
  const session = attacker.session(socket);
  const stream = attacker.open(session, { path: GET, headers: GRPC });
  await new Promise<void>((resolve) => {
    socket.once('close', resolve);
    stream?.write(ANNOUNCED, () => resolve());
  });
  socket.end();
  await attacker.hold();
  session.destroy();
}

function closed(session: ClientHttp2Session): Promise<void> {
  return new Promise((resolve) => session.once('close', () => resolve()));
}

/** Resolves once so many bytes are sent; the request stays open. */
async function sendForever(
  attacker: Attacker,
  session: ClientHttp2Session,
  bytes: number,
): Promise<void> {
  const stream = attacker.open(session, { path: GET });
  if (!stream) return;
  const chunk = Buffer.alloc(CHUNK_BYTES, 0x20);
  for (let sent = 0; sent < bytes && !stream.destroyed && !attacker.signal.aborted; ) {
    sent += chunk.length;
    await new Promise<void>((resolve) => {
      stream.once('close', resolve);
      attacker.signal.addEventListener('abort', () => resolve(), { once: true });
      stream.write(chunk, () => {
        stream.off('close', resolve);
        resolve();
      });
    });
  }
}

/** Watches through a relay, which can fall silent without closing anything. */
async function watch(attacker: Attacker, message: Uint8Array) {
  const ends: Socket[] = [];
  const relay = createServer((near) => {
    const far = attacker.socket();
    ends.push(near, far);
    near.on('error', () => undefined);
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  const { port } = relay.address() as AddressInfo;
  const session = attacker.session(connect(port, '127.0.0.1'));
  const header = Buffer.alloc(5);
  header.writeUInt32BE(message.length, 1);
  const stream = attacker.open(session, { path: WATCH, headers: GRPC });
  stream?.end(Buffer.concat([header, message]));
  await new Promise<void>((resolve) => {
    stream?.once('data', () => resolve());
    session.once('close', () => resolve());
  });
  const cut = (): void => {
    for (const end of ends) end.unpipe().pause();
  };
  const close = (): void => {
    session.destroy();
    for (const end of ends) end.destroy();
    relay.close();
  };
  return { cut, close };
}

async function flood(attacker: Attacker, frame: Buffer): Promise<void> {
  const socket = attacker.socket();
  const frames = Buffer.alloc(frame.length * attacker.many(FRAMES_A_WRITE), frame);
  socket.resume();
  socket.write(Buffer.concat([PREFACE, EMPTY_SETTINGS]));
  const writes = attacker.many(100);
  for (let written = 0; written < writes && socket.writable; written += 1) {
    await new Promise<void>((resolve) => {
      socket.once('close', resolve);
      attacker.signal.addEventListener('abort', () => resolve(), { once: true });
      socket.write(frames, () => {
        socket.off('close', resolve);
        resolve();
      });
    });
    if (attacker.signal.aborted) break;
  }
  socket.destroy();
}
