/**
 * A set of test variants that takes at most 48 bytes for each, whatever their names. An export of a
 * million variants must know for each whether it is exonerated, and a Set of strings would take a
 * quarter of a gigabyte for that.
 *
 * The set keeps 128 bits of a SHA-256 in a table with open addressing. Among a billion variants,
 * the probability that any two are confused is below 2^-68.
 */
import { hash } from 'node:crypto';

export interface VariantKey {
  readonly testId: string;
  readonly variantHash: string;
}

const WORDS = 4;
const INITIAL_SLOTS = 64;
/** With a larger share of full slots, probing takes long. */
const MAX_FILL = 2 / 3;

export class CompactVariantSet {
  #words = new Uint32Array(INITIAL_SLOTS * WORDS);
  #slots = INITIAL_SLOTS;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(variant: VariantKey): void {
    if (this.#size + 1 > this.#slots * MAX_FILL) this.#grow();
    if (insert(this.#words, digestOf(variant))) this.#size++;
  }

  has(variant: VariantKey): boolean {
    if (this.#size === 0) return false;
    const digest = digestOf(variant);
    return isSame(this.#words, findSlot(this.#words, digest), digest);
  }

  #grow(): void {
    const grown = new Uint32Array(this.#words.length * 2);
    for (let at = 0; at < this.#words.length; at += WORDS) {
      const digest = this.#words.subarray(at, at + WORDS);
      if (!isEmpty(digest, 0)) insert(grown, digest);
    }
    this.#words = grown;
    this.#slots *= 2;
  }
}

/** Returns whether the digest is new. */
function insert(words: Uint32Array, digest: Uint32Array): boolean {
  const at = findSlot(words, digest);
  if (!isEmpty(words, at)) return false;
  words.set(digest, at);
  return true;
}

/** Returns the position of the digest, or of the free slot for it. */
function findSlot(words: Uint32Array, digest: Uint32Array): number {
  let at = ((digest[0] ?? 0) * WORDS) % words.length;
  while (!isEmpty(words, at) && !isSame(words, at, digest)) at = (at + WORDS) % words.length;
  return at;
}

function isSame(words: Uint32Array, at: number, digest: Uint32Array): boolean {
  for (let word = 0; word < WORDS; word++) {
    if (words[at + word] !== digest[word]) return false;
  }
  return true;
}

/** A free slot is all zeros. No digest is: see `digestOf`. */
function isEmpty(words: Uint32Array, at: number): boolean {
  return (words[at + WORDS - 1] ?? 0) === 0;
}

function digestOf({ testId, variantHash }: VariantKey): Uint32Array {
  // The hash of a variant has a fixed length, so two different pairs never give the same text.
  const bytes = hash('sha256', `${variantHash}:${testId}`, 'buffer');
  const digest = new Uint32Array(WORDS);
  for (let word = 0; word < WORDS; word++) digest[word] = bytes.readUInt32LE(word * 4);
  digest[WORDS - 1] = (digest[WORDS - 1] ?? 0) | 1;
  return digest;
}
