/**
 * How many results each party has recorded today, in UTC. This process counts for itself, and from its start:
 * a counter in the database would be a row that every batch of a realm writes. Several servers on one
 * database allow as many times the limit.
 */
import type { EpochMs } from '@postlude/queue/foundations';
import { LRUCache } from 'lru-cache';
import type { Party } from './party.ts';
import { Refusal } from './refusal.ts';

const DAY_MS = 86_400_000;
/** Parties that are counted at once. The one that was counted longest ago is forgotten first. */
const MAX_PARTIES = 20_000;

/** What a party may record. */
export interface DailyLimit {
  readonly party: Party;
  /** `undefined` means any number. */
  readonly max: number | undefined;
}

interface Count {
  readonly party: Party;
  readonly results: number;
}

export class DailyResults {
  readonly #counts = new LRUCache<string, Count>({ max: MAX_PARTIES });
  #day = 0;

  countOf({ name }: Party, now: EpochMs): number {
    this.#begin(now);
    return this.#counts.peek(name)?.results ?? 0;
  }

  /** Those who have recorded results today. */
  parties(now: EpochMs): Party[] {
    this.#begin(now);
    return [...this.#counts.values()].map(({ party }) => party);
  }

  /** Counts the results for all parties, or throws a Refusal and counts them for none. */
  add(results: number, limits: readonly DailyLimit[], now: EpochMs): void {
    this.#begin(now);
    for (const { party, max = Number.POSITIVE_INFINITY } of limits) {
      if (this.countOf(party, now) + results <= max) continue;
      const problem = `${party.name} has recorded its ${max} results of today (UTC)`;
      throw new Refusal('results', problem, (this.#day + 1) * DAY_MS - now);
    }
    this.#change(results, limits);
  }

  /** Takes back results that were not recorded after all. */
  takeBack(results: number, limits: readonly DailyLimit[], now: EpochMs): void {
    this.#begin(now);
    this.#change(-results, limits);
  }

  #begin(now: EpochMs): void {
    const day = Math.floor(now / DAY_MS);
    if (day <= this.#day) return;
    this.#day = day;
    this.#counts.clear();
  }

  #change(results: number, limits: readonly DailyLimit[]): void {
    for (const { party } of limits) {
      const before = this.#counts.get(party.name)?.results ?? 0;
      this.#counts.set(party.name, { party, results: Math.max(0, before + results) });
    }
  }
}
