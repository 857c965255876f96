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

export function parseVariant(stored: readonly string[]): Variant {
  return Object.fromEntries(stored.map(parsePair).map(({ key, value }) => [key, value]));
}
