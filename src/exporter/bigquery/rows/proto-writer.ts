/**
 * Writes the wire form of protocol buffers into one buffer that is used again and again. A general writer
 * allocates memory for each text, outside of the heap, and an export has twenty texts in each of a million
 * rows.
 */

const INITIAL_BYTES = 64 * 1024;
const MAX_VARINT_BYTES = 10;
const SEVEN_BITS = 0x80;
const DOUBLE_BYTES = 8;
/** A UTF-16 code unit takes up to three bytes of UTF-8. */
const MAX_UNIT_BYTES = 3;

export class ProtoWriter {
  #buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  #end = 0;

  /** Returns a copy of what was written, and begins again with nothing. */
  finish(): Uint8Array {
    // Small copies share memory, which is released with the last of them.
    const copy = Buffer.from(this.#buffer.subarray(0, this.#end));
    this.#end = 0;
    return copy;
  }

  /** A whole number within ±2^53. */
  varint(value: number): void {
    this.#reserve(MAX_VARINT_BYTES);
    if (value < 0) {
      this.#negative(BigInt.asUintN(64, BigInt(value)));
      return;
    }
    let rest = value;
    while (rest >= SEVEN_BITS) {
      this.#buffer[this.#end++] = (rest % SEVEN_BITS) + SEVEN_BITS;
      rest = Math.floor(rest / SEVEN_BITS);
    }
    this.#buffer[this.#end++] = rest;
  }

  double(value: number): void {
    this.#reserve(DOUBLE_BYTES);
    this.#end = this.#buffer.writeDoubleLE(value, this.#end);
  }

  text(value: string): void {
    this.#reserve(MAX_VARINT_BYTES + value.length * MAX_UNIT_BYTES);
    const start = this.beginNested();
    this.#end += this.#buffer.write(value, this.#end, 'utf8');
    this.endNested(start);
  }

  bytes(value: Uint8Array): void {
    this.varint(value.length);
    this.#reserve(value.length);
    this.#buffer.set(value, this.#end);
    this.#end += value.length;
  }

  /** Everything that is written until `endNested` gets the given position has its length in front. */
  beginNested(): number {
    this.#reserve(1);
    // Most lengths take one byte, which is left free for them.
    this.#end += 1;
    return this.#end;
  }

  endNested(start: number): void {
    const length = this.#end - start;
    const more = varintBytes(length) - 1;
    if (more > 0) {
      this.#reserve(more);
      this.#buffer.copyWithin(start + more, start, start + length);
    }
    this.#end = start - 1;
    this.varint(length);
    this.#end += length;
  }

  #negative(value: bigint): void {
    let rest = value;
    while (rest >= 128n) {
      this.#buffer[this.#end++] = Number(rest & 127n) + SEVEN_BITS;
      rest >>= 7n;
    }
    this.#buffer[this.#end++] = Number(rest);
  }

  #reserve(bytes: number): void {
    if (this.#end + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.#end + bytes));
    this.#buffer.copy(larger, 0, 0, this.#end);
    this.#buffer = larger;
  }
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= SEVEN_BITS; rest = Math.floor(rest / SEVEN_BITS)) bytes++;
  return bytes;
}
