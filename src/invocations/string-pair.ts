/**
 * Keys with values, as tags and variants have them, and their stored form `key:value`. Keys have
 * no colon; values may hold anything, line breaks too.
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

/** By key, then by value; a key may come again. */
export function sortPairs(pairs: readonly StringPair[]): StringPair[] {
  return pairs.toSorted((a, b) => compareText(a.key, b.key) || compareText(a.value, b.value));
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
