/**
 * Reads a whole body, but never more than is allowed, into one buffer that grows with it. Chunks are not
 * kept: each is an object, so that a body that arrives in single bytes would take a hundred times its size.
 */

const SMALLEST = 4096;

export interface BodyBounds {
  readonly maxBytes: number;
  /** Returns false if there is no room for that many bytes more. */
  readonly take: (bytes: number) => boolean;
}

/** Returns what is wrong if the body is larger, or if there is no room for it. */
export async function readBounded(
  chunks: AsyncIterable<Uint8Array>,
  { maxBytes, take }: BodyBounds,
): Promise<Uint8Array | 'too-large' | 'no-room'> {
  let buffer = new Uint8Array(0);
  let size = 0;
  for await (const chunk of chunks) {
    const needed = size + chunk.length;
    if (needed > maxBytes) return 'too-large';
    if (!take(chunk.length)) return 'no-room';
    if (needed > buffer.length) {
      const larger = new Uint8Array(Math.max(SMALLEST, needed, 2 * buffer.length));
      larger.set(buffer.subarray(0, size));
      buffer = larger;
    }
    buffer.set(chunk, size);
    size = needed;
  }
  return buffer.subarray(0, size);
}
