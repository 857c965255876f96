import { brotliCompressSync, gzipSync } from 'node:zlib';
import { create, toBinary } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { ListTasksRequestSchema as Schema } from '../../../gen/postlude/v1/tasks_pb.js';
import { decompress } from './decompression.ts';
import { withCheckedBody } from './request-body.ts';

const MESSAGE = Buffer.from(toBinary(Schema, create(Schema, { type: 'x'.repeat(5000) })));
const MAX = 10_000;

function frame(flags: number, message: Uint8Array): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt8(flags);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

async function* chunksOf(bytes: Uint8Array, size: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

interface Received {
  readonly body: Buffer;
  readonly header: Headers;
  readonly held: number;
}

/** What the codec gets, if the body arrives in chunks of this size. */
async function receive(headers: Record<string, string>, bytes: Uint8Array, size: number) {
  let held = 0;
  const checked = withCheckedBody(
    {
      httpVersion: '2.0',
      method: 'POST',
      url: 'http://localhost/',
      header: new Headers(headers),
      signal: new AbortController().signal,
      body: chunksOf(bytes, size),
    },
    Schema,
    {
      maxBytes: MAX,
      hold: (count) => {
        held += count;
      },
    },
  );
  const chunks: Uint8Array[] = [];
  for await (const chunk of checked.body as AsyncIterable<Uint8Array>) chunks.push(chunk);
  const received: Received = { body: Buffer.concat(chunks), header: checked.header, held };
  return received;
}

const GRPC = { 'content-type': 'application/grpc' };
const FORMS: readonly [string, Record<string, string>, Buffer, Buffer][] = [
  ['a message', { 'content-type': 'application/proto' }, MESSAGE, MESSAGE],
  [
    'gzip',
    { 'content-type': 'application/proto', 'content-encoding': 'gzip' },
    gzipSync(MESSAGE),
    MESSAGE,
  ],
  ['a frame', GRPC, frame(0, MESSAGE), frame(0, MESSAGE)],
  [
    'two frames',
    GRPC,
    Buffer.concat([frame(0, MESSAGE), frame(0, MESSAGE)]),
    Buffer.concat([frame(0, MESSAGE), frame(0, MESSAGE)]),
  ],
  ['an empty frame', GRPC, frame(0, Buffer.alloc(0)), frame(0, Buffer.alloc(0))],
  [
    'a frame in brotli',
    { ...GRPC, 'grpc-encoding': 'br' },
    frame(1, brotliCompressSync(MESSAGE)),
    frame(0, MESSAGE),
  ],
  [
    'a frame of Connect in gzip',
    { 'content-type': 'application/connect+proto', 'connect-content-encoding': 'gzip' },
    frame(1, gzipSync(MESSAGE)),
    frame(0, MESSAGE),
  ],
];

test.each(FORMS)(
  '%s arrives whole and plain, in whichever chunks it was sent',
  async (_what, headers, sent, plain) => {
    for (const size of [1, 3, 4096, 100_000]) {
      const { body, header, held } = await receive(headers, sent, size);
      expect(body.equals(plain)).toBe(true);
      expect(header.has('content-encoding')).toBe(false);
      expect(held).toBeLessThan(4 * MAX);
    }
  },
);

test.each([
  ['a message', { 'content-type': 'application/proto' }, Buffer.alloc(MAX + 1)],
  [
    'an announced length',
    { 'content-type': 'application/proto', 'content-length': `${MAX + 1}` },
    Buffer.alloc(0),
  ],
  ['an announced frame', GRPC, frame(0, Buffer.alloc(MAX + 1)).subarray(0, 5)],
  [
    'an inflated message',
    { 'content-type': 'application/proto', 'content-encoding': 'br' },
    brotliCompressSync(Buffer.alloc(100 * MAX)),
  ],
  [
    'an inflated frame',
    { ...GRPC, 'grpc-encoding': 'gzip' },
    frame(1, gzipSync(Buffer.alloc(100 * MAX))),
  ],
])('%s beyond the limit is refused', async (_what, headers, sent) => {
  await expect(receive(headers as Record<string, string>, sent, 1000)).rejects.toMatchObject({
    code: 'resource-exhausted',
  });
});

test.each([
  ['an unfinished frame', GRPC, frame(0, MESSAGE).subarray(0, -1)],
  ['an unfinished header', GRPC, Buffer.alloc(3)],
  ['a compressed frame without a header that says how', GRPC, frame(1, MESSAGE)],
  ['damaged gzip', { ...GRPC, 'grpc-encoding': 'gzip' }, frame(1, MESSAGE)],
  [
    'cut gzip',
    { 'content-type': 'application/proto', 'content-encoding': 'gzip' },
    gzipSync(MESSAGE).subarray(0, -9),
  ],
  ['a frame with unknown flags that is no message', GRPC, frame(0x82, Buffer.from([0x0a, 9]))],
])('%s is malformed', async (_what, headers, sent) => {
  await expect(receive(headers as Record<string, string>, sent, 1000)).rejects.toMatchObject({
    code: 'invalid-argument',
  });
});

test.each(['br', 'gzip'] as const)(
  'inflates %s in large parts, each of which is a turn',
  async (encoding) => {
    const plain = Buffer.alloc(1024 ** 2);
    const bytes = encoding === 'br' ? brotliCompressSync(plain) : gzipSync(plain);
    const parts: number[] = [];
    await decompress(bytes, encoding, { maxBytes: plain.length, hold: (size) => parts.push(size) });
    expect(parts[0]).toBe(64 * 1024);
  },
);
