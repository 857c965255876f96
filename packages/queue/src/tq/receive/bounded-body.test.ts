import { expect, test } from 'vitest';
import { type BodyBounds, readBounded } from './bounded-body.ts';

const MIB = 1024 ** 2;

const within = (maxBytes: number): BodyBounds => ({ maxBytes, take: () => true });

/** Yields the bytes one at a time, each as a slice of memory that is used again at once. */
async function* singly(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  const memory = new Uint8Array(1);
  for (const byte of bytes) {
    memory[0] = byte;
    yield memory;
  }
}

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test('a body arrives whole, in whichever chunks it was sent', async () => {
  const body = Buffer.from('The body of a task. '.repeat(1000));
  for (const size of [1, 3, 4096, body.length]) {
    expect(await readBounded(inChunks(body, size), within(MIB))).toEqual(new Uint8Array(body));
  }
  expect(await readBounded(inChunks(body, 1000), within(body.length))).toHaveLength(body.length);
  expect(await readBounded(inChunks(body, 1000), within(body.length - 1))).toBe('too-large');
  expect(await readBounded(inChunks(Buffer.alloc(0), 1), within(MIB))).toHaveLength(0);
});

test('no chunk is kept while the rest is read', async () => {
  const body = Buffer.from('a body of single bytes');
  expect(await readBounded(singly(body), within(MIB))).toEqual(new Uint8Array(body));
});

test('a body for which there is no room is not read on', async () => {
  const taken: number[] = [];
  const take = (bytes: number): boolean => taken.push(bytes) < 3;
  const chunks = inChunks(Buffer.alloc(100), 4);
  expect(await readBounded(chunks, { maxBytes: MIB, take })).toBe('no-room');
  expect(taken).toEqual([4, 4, 4]);
});
