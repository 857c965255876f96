/**
 * The interface to randomness. Production uses the machine's source; tests pass a seeded one and print the
 * seed, so that a failing run can be repeated.
 */
import { randomBytes } from 'node:crypto';

/** Returns a uniform number in [0, 1). */
export type Random = () => number;

export const systemRandom: Random = () => Math.random();

/** Returns a uniform integer in [0, limit). */
export function randomInt(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

/** Returns the same items in a random order; all orders are equally likely. */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const rest = [...items];
  return items.flatMap(() => rest.splice(randomInt(random, rest.length), 1));
}

/** The source is asked for the bytes of many ids at once, as each call of it takes as long as ten ids. */
const POOL_BYTES = 4096;
/** Longer values may be secrets, of which no copy should stay in memory. */
const MAX_POOLED = 16;
let pool = Buffer.alloc(0);
let used = 0;

/** Returns `bytes` random bytes from the machine's secure source, in lower-case hex. No byte is used twice. */
export function randomHex(bytes: number): string {
  if (bytes > MAX_POOLED) return randomBytes(bytes).toString('hex');
  if (bytes > pool.length - used) {
    pool = randomBytes(POOL_BYTES);
    used = 0;
  }
  used += bytes;
  return pool.toString('hex', used - bytes, used);
}

/** Returns a repeatable source (mulberry32): the same seed gives the same numbers. It is not for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
