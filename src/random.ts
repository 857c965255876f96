/**
 * Randomness as the rest of the code sees it. Production draws from the machine; tests pass a
 * seeded source and print the seed, so that a failing run can be repeated.
 */
import { randomBytes } from 'node:crypto';

/** A number in [0, 1), uniform. */
export type Random = () => number;

export const systemRandom: Random = () => Math.random();

/** An integer in [0, limit), uniform. */
export function randomInt(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

/** The same items, in an order of which each is as likely as any other. */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const rest = [...items];
  return items.flatMap(() => rest.splice(randomInt(random, rest.length), 1));
}

/** `bytes` random bytes in lower-case hex, from the machine's secure source. */
export function randomHex(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}

/** A repeatable source (mulberry32): the same seed gives the same numbers. Not for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
