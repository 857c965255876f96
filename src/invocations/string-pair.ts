/**
 * The pairs of a key and a value that make up tags and variants, and their stored form `key:value`.
 * Keys have no colon. Values may contain anything, including line breaks.
 */

export interface StringPair {
  readonly key: string;
  readonly value: string;
}

export function formatPair({ key, value }: StringPair): string {
  return `${key}:${value}`;
}

export function parsePair(text: string): StringPair {
  const colon = text.indexOf(':');
  return { key: text.slice(0, colon), value: text.slice(colon + 1) };
}

/** Sorts by key, then by value. A key may occur several times. */
export function sortPairs(pairs: readonly StringPair[]): StringPair[] {
  return isSorted(pairs) ? [...pairs] : pairs.toSorted(comparePairs);
}

/** Most pairs arrive sorted, for which a look is faster than a sort. */
function isSorted(pairs: readonly StringPair[]): boolean {
  return pairs.every(
    (pair, index) => index === 0 || comparePairs(pairs[index - 1] ?? pair, pair) <= 0,
  );
}

function comparePairs(a: StringPair, b: StringPair): number {
  return compareText(a.key, b.key) || compareText(a.value, b.value);
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
