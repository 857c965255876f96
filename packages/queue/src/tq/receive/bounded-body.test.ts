import { expect, test } from 'vitest';
import { readBounded } from './bounded-body.ts';

const MIB = 1024 ** 2;

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
    expect(Buffer.from((await readBounded(inChunks(body, size), MIB)) ?? [])).toEqual(body);
  }
  expect(await readBounded(inChunks(body, 1000), body.length)).toHaveLength(body.length);
  expect(await readBounded(inChunks(body, 1000), body.length - 1)).toBeUndefined();
  expect(await readBounded(inChunks(Buffer.alloc(0), 1), MIB)).toHaveLength(0);
});

test('no chunk is kept while the rest is read', async () => {
  const body = Buffer.from('a body of single bytes');
  expect(Buffer.from((await readBounded(singly(body), MIB)) ?? []).toString()).toBe(String(body));
});
