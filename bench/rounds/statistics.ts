/** What benches make of what they measure. */

export function median(all: readonly number[]): number {
  return percentile(all, 0.5);
}

/** Returns the smallest of the values that so large a part of all does not exceed. */
export function percentile(all: readonly number[], part: number): number {
  const sorted = all.toSorted((a, b) => a - b);
  const place = Math.min(sorted.length - 1, Math.floor(sorted.length * part));
  return sorted[place] ?? Number.NaN;
}

/** Rounds a ratio to two decimals; undefined, which JSON leaves out, if a side was not measured. */
export function ratio(over: number | undefined, under: number | undefined): number | undefined {
  if (over === undefined || under === undefined) return undefined;
  return Math.round((over / under) * 100) / 100;
}
