/**
 * A set of test variants that takes at most 48 bytes for each, whatever their names. An export of a
 * million variants must know for each whether it is exonerated, and a Set of strings would take a
 * quarter of a gigabyte for that.
 *
 * The set keeps 126 bits of a SHA-256 in a table with open addressing. Among a billion variants,
 * the probability that any two are confused is below 2^-66. The other two bits of an entry say that
 * its slot is used, and that it was deleted.
 */
import { hash } from 'node:crypto';

export interface VariantKey {
  readonly testId: string;
  readonly variantHash: string;
}

const WORDS = 4;
const LAST = WORDS - 1;
const USED = 1;
const DELETED = 2;
const INITIAL_SLOTS = 64;
/** With a larger share of full slots, probing takes long. */
const MAX_FILL = 2 / 3;

export class CompactVariantSet {
  #words = new Uint32Array(INITIAL_SLOTS * WORDS);
  #used = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The memory that the set takes. */
  get bytes(): number {
    return this.#words.byteLength;
  }

  add(variant: VariantKey): void {
    if (this.#used + 1 > (this.#words.length / WORDS) * MAX_FILL) this.#grow();
    const digest = digestOf(variant);
    const at = findSlot(this.#words, digest);
    if (isKept(this.#words, at)) return;
    if (isFree(this.#words, at)) this.#used++;
    this.#words.set(digest, at);
    this.#size++;
  }

  delete(variant: VariantKey): void {
    const at = findSlot(this.#words, digestOf(variant));
    if (!isKept(this.#words, at)) return;
    this.#words[at + LAST] = (this.#words[at + LAST] ?? 0) | DELETED;
    this.#size--;
  }

  has(variant: VariantKey): boolean {
    return this.#size > 0 && isKept(this.#words, findSlot(this.#words, digestOf(variant)));
  }

  /** Leaves out the deleted entries, so the table may keep its length. */
  #grow(): void {
    const isHalfDeleted = this.#size < this.#used / 2;
    const grown = new Uint32Array(this.#words.length * (isHalfDeleted ? 1 : 2));
    for (let at = 0; at < this.#words.length; at += WORDS) {
      if (!isKept(this.#words, at)) continue;
      const digest = this.#words.subarray(at, at + WORDS);
      grown.set(digest, findSlot(grown, digest));
    }
    this.#words = grown;
    this.#used = this.#size;
  }
}

/** Returns the position of the digest, deleted or not, or of the free slot for it. */
function findSlot(words: Uint32Array, digest: Uint32Array): number {
  let at = ((digest[0] ?? 0) * WORDS) % words.length;
  while (!isFree(words, at) && !isSame(words, at, digest)) at = (at + WORDS) % words.length;
  return at;
}

function isSame(words: Uint32Array, at: number, digest: Uint32Array): boolean {
  for (let word = 0; word < LAST; word++) {
    if (words[at + word] !== digest[word]) return false;
  }
  return (((words[at + LAST] ?? 0) ^ (digest[LAST] ?? 0)) & ~DELETED) === 0;
}

function isFree(words: Uint32Array, at: number): boolean {
  return (words[at + LAST] ?? 0) === 0;
}

/** Returns whether the slot holds an entry that was not deleted. */
function isKept(words: Uint32Array, at: number): boolean {
  return ((words[at + LAST] ?? 0) & (USED | DELETED)) === USED;
}

/** Used by one call at a time. */
const scratch = new Uint32Array(WORDS);

function digestOf({ testId, variantHash }: VariantKey): Uint32Array {
  // The hash of a variant has a fixed length, so two different pairs never give the same text.
  const bytes = hash('sha256', `${variantHash}:${testId}`, 'buffer');
  for (let word = 0; word < WORDS; word++) scratch[word] = bytes.readUInt32LE(word * 4);
  scratch[LAST] = ((scratch[LAST] ?? 0) & ~DELETED) | USED;
  return scratch;
}
