/**
 * What one caller may use: how many requests and bytes at once, how many requests a second, how many
 * results a day. Rules of the configuration say it for callers by their names; the first one that matches
 * holds, and what it does not say is as for all callers.
 */
import { matchesWildcards } from '@postlude/queue/foundations';
import { type ByClass, byClass, type MethodClass } from './method-class.ts';
import type { Party } from './party.ts';

export interface CallerLimits {
  /** Requests in work at once. */
  readonly concurrency: ByClass<number>;
  /** Bytes of requests in work at once. A single request may have more. */
  readonly bytes: number;
  /** Requests of each class that wait at once. */
  readonly waiting: ByClass<number>;
  /** `undefined` means any number. */
  readonly requestsPerSecond: number | undefined;
  readonly burst: number | undefined;
  /** `undefined` means any number. */
  readonly resultsPerDay: number | undefined;
}

export interface LimitRule {
  /** A pattern for identities and addresses, in which each `*` stands for any text. */
  readonly caller?: string;
  /** A pattern for realms. A rule has either this or `caller`. */
  readonly realm?: string;
  readonly concurrency?: Partial<ByClass<number>>;
  readonly waiting?: number;
  readonly bytes?: number;
  readonly requestsPerSecond?: number;
  readonly burst?: number;
  readonly resultsPerDay?: number;
}

/** What all callers together may use. */
export interface Capacity {
  readonly concurrency: ByClass<number>;
  readonly bytes: number;
}

/** Programs of one machine share its address. They trust one another, and may use all of it. */
export function limitsOfLoopback({ bytes, concurrency }: Capacity): CallerLimits {
  return {
    bytes,
    concurrency,
    waiting: waitingOf(2_000),
    requestsPerSecond: undefined,
    burst: undefined,
    resultsPerDay: undefined,
  };
}

const SHARES: ByClass<number> = { read: 2, 'heavy-read': 2, write: 2, watch: 4 };

/** Large requests take the time of the server and of the database, so one caller has few of them at once. */
const SHARE_OF_BYTES = 16;

/** On a server that others can reach, one caller may use half of the requests. */
export function limitsOfExposed({ bytes, concurrency }: Capacity): CallerLimits {
  return {
    bytes: Math.ceil(bytes / SHARE_OF_BYTES),
    concurrency: byClass((each) => Math.ceil(concurrency[each] / SHARES[each])),
    waiting: waitingOf(200),
    requestsPerSecond: 200,
    burst: 1_000,
    resultsPerDay: 20_000_000,
  };
}

/** A watch lasts for hours, so waiting for the end of another one would be in vain. */
function waitingOf(count: number): ByClass<number> {
  return byClass((each: MethodClass) => (each === 'watch' ? 0 : count));
}

interface Rule {
  readonly isFor: (party: Party) => boolean;
  readonly limits: CallerLimits;
}

export class LimitRules {
  readonly #general: CallerLimits;
  readonly #rules: readonly Rule[];

  constructor(general: CallerLimits, rules: readonly LimitRule[] = []) {
    this.#general = general;
    this.#rules = rules.map((rule) => ({ isFor: matcher(rule), limits: changed(general, rule) }));
  }

  of(party: Party): CallerLimits {
    return this.#rules.find(({ isFor }) => isFor(party))?.limits ?? this.#general;
  }
}

function changed(general: CallerLimits, rule: LimitRule): CallerLimits {
  const { bytes, concurrency, requestsPerSecond, resultsPerDay, waiting } = rule;
  return {
    bytes: bytes ?? general.bytes,
    concurrency: { ...general.concurrency, ...concurrency },
    waiting: waiting === undefined ? general.waiting : waitingOf(waiting),
    requestsPerSecond: requestsPerSecond ?? general.requestsPerSecond,
    burst: rule.burst ?? (requestsPerSecond === undefined ? general.burst : undefined),
    resultsPerDay: resultsPerDay ?? general.resultsPerDay,
  };
}

function matcher({ caller, realm }: LimitRule): (party: Party) => boolean {
  const pattern = realm === undefined ? (caller ?? '') : `realm:${realm}`;
  return ({ kind, name }) =>
    (kind === 'realm') === (realm !== undefined) && matchesWildcards(pattern, name);
}
