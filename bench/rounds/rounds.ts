/** Measures contenders in turn, round after round, so that all of them meet the same weather of the machine. */
import { median } from './statistics.ts';

export type Rates = Readonly<Record<string, readonly number[]>>;

/** Calls `measure` with each contender, in each round; returns the rates of each by its name. */
export async function inRounds<T extends { readonly name: string }>(
  rounds: number,
  all: readonly T[],
  measure: (contender: T) => Promise<number>,
): Promise<Rates> {
  const rates = Object.fromEntries(all.map(({ name }) => [name, [] as number[]]));
  for (let round = 1; round <= rounds; round++) {
    const figures: string[] = [];
    for (const contender of all) {
      const rate = await measure(contender);
      rates[contender.name]?.push(rate);
      figures.push(`${contender.name} ${rate}`);
    }
    console.error(`round ${round}: ${figures.join(', ')}`);
  }
  return rates;
}

export function medians(rates: Rates): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(rates).map(([name, all]) => [name, median(all)]));
}

/** Returns the highest of the medians of `names`; undefined without names. */
export function best(
  middle: Readonly<Record<string, number>>,
  names: readonly string[],
): number | undefined {
  return names.length === 0 ? undefined : Math.max(...names.map((name) => middle[name] ?? 0));
}
