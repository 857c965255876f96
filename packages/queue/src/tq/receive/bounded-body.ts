/**
 * Reads a whole body, but never more than is allowed, into one buffer that grows with it. Chunks are not
 * kept: each is an object, so that a body that arrives in single bytes would take a hundred times its size.
 */

const SMALLEST = 4096;

/** Returns `undefined` if the body is larger. */
export async function readBounded(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  let buffer = new Uint8Array(0);
  let size = 0;
  for await (const chunk of chunks) {
    const needed = size + chunk.length;
    if (needed > maxBytes) return undefined;
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
