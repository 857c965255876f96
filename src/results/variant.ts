/** A test's variant: where and how it ran, as pairs such as `os: linux`. */
import { hash } from 'node:crypto';
import { formatPair, parsePair, sortPairs } from '../invocations/string-pair.ts';

export type Variant = Readonly<Record<string, string>>;

/** Returns 16 hex digits: the same for the same pairs in any order, `e3b0c44298fc1c14` for none. */
export function variantHash(variant: Variant): string {
  const lines = formatVariant(variant).map((pair) => `${pair}\n`);
  return hash('sha256', lines.join('')).slice(0, 16);
}

/** Returns the stored form of a variant: `key:value` pairs, sorted by key. */
export function formatVariant(variant: Variant): string[] {
  const pairs = Object.entries(variant).map(([key, value]) => ({ key, value }));
  return sortPairs(pairs).map(formatPair);
}

/** The last variant that was parsed: rows that are read together mostly share theirs. */
let last: { readonly stored: readonly string[]; readonly variant: Variant } = {
  stored: [],
  variant: {},
};

/** Returns the same object for the same array. */
export function parseVariant(stored: readonly string[]): Variant {
  if (stored !== last.stored) last = { stored, variant: fromPairs(stored) };
  return last.variant;
}

function fromPairs(stored: readonly string[]): Variant {
  return Object.fromEntries(stored.map(parsePair).map(({ key, value }) => [key, value]));
}
