/** Decompression that stops at a limit: no more is ever inflated than the limit allows. */
import { createBrotliDecompress, createGunzip } from 'node:zlib';
import { CodedError } from '@postlude/queue/foundations';
import { type BodyLimits, requireSize } from './body-limits.ts';
import { GrowingBytes } from './growing-bytes.ts';
import { malformed } from './message-weight.ts';

/** Each part of the output is a turn of the event loop: with zlib's 16 KiB, these took most of the time. */
const PART_BYTES = 64 * 1024;

export type Compression = 'gzip' | 'br';

export function isCompression(name: string): name is Compression {
  return name === 'gzip' || name === 'br';
}

/** Throws `resource-exhausted` beyond the limit, and `invalid-argument` if the bytes are not so compressed. */
export async function decompress(
  bytes: Uint8Array,
  compression: Compression,
  limits: BodyLimits,
): Promise<Uint8Array> {
  const plain = new GrowingBytes(limits.hold);
  if (bytes.length === 0) return plain.bytes;
  const options = { chunkSize: PART_BYTES };
  const inflater = compression === 'gzip' ? createGunzip(options) : createBrotliDecompress(options);
  inflater.end(bytes);
  try {
    for await (const chunk of inflater as AsyncIterable<Uint8Array>) {
      requireSize(plain.length + chunk.length, limits);
      plain.add(chunk);
    }
  } catch (cause) {
    if (cause instanceof CodedError) throw cause;
    throw malformed(`its ${compression} compression is damaged`, { cause });
  }
  return plain.bytes;
}
