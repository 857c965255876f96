/**
 * Bytes that arrive in chunks, in one buffer that grows with them. Chunks are not kept: each is an object
 * and may be a slice of a larger buffer, so that a body of single bytes would take a hundred times its size.
 */
import type { Hold } from './body-limits.ts';

const SMALLEST = 4096;

export class GrowingBytes {
  readonly #hold: Hold;
  #buffer = Buffer.alloc(0);
  #length = 0;

  constructor(hold: Hold) {
    this.#hold = hold;
  }

  get length(): number {
    return this.#length;
  }

  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  add(chunk: Uint8Array): void {
    this.#reserve(this.#length + chunk.length);
    this.#buffer.set(chunk, this.#length);
    this.#length += chunk.length;
  }

  #reserve(needed: number): void {
    if (needed <= this.#buffer.length) return;
    const size = Math.max(
      SMALLEST,
      needed,
      Math.min(2 * this.#buffer.length, needed + 4 * 1024 ** 2),
    );
    this.#hold(size - this.#buffer.length);
    const larger = Buffer.allocUnsafeSlow(size);
    larger.set(this.bytes);
    this.#buffer = larger;
  }
}
