/**
 * Lets calls in, whichever protocol they come by: once their caller is known, and before any byte of the body
 * is read. A call needs a token of its caller's rate and a place in work (fair-queues.ts). What cannot be
 * let in is refused with a time after which to try again. Health, metrics and pushed tasks do not pass here.
 */
import type { Clock, Metrics } from '@postlude/queue/foundations';
import { LRUCache } from 'lru-cache';
import type { LimitsState } from '../../services/limits/parts.ts';
import { observeAdmission } from './admission-metrics.ts';
import type { CallerLimits, Capacity, LimitRules } from './caller-limits.ts';
import { callerStates } from './caller-states.ts';
import { DailyResults } from './daily-results.ts';
import { FairQueues, type Place } from './fair-queues.ts';
import type { LoadControl } from './load-control.ts';
import { METHOD_CLASSES, type MethodClass, methodClassOf } from './method-class.ts';
import { type Party, realmParty } from './party.ts';
import { Refusal, type RefusalReason } from './refusal.ts';
import { TokenBucket } from './token-bucket.ts';

export interface AdmissionOptions {
  readonly rules: LimitRules;
  readonly capacity: Capacity;
  readonly maxWaitMs: number;
  readonly load: LoadControl;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

export interface IncomingCall {
  readonly method: string;
  readonly party: Party;
  /** The realm that a valid update token is for. */
  readonly realm: string | undefined;
  /** The announced size of the body, if it is known. */
  readonly bytes: number | undefined;
  readonly signal: AbortSignal;
}

/** A call that was let in. */
export interface AdmittedCall extends Pick<Place, 'hold'> {
  /** Counts results for today. The returned function takes them back. Throws a Refusal. */
  addResults(results: number): () => void;
  /** Keeps the place until the returned function is called, as well as until `release`. */
  keep(): () => void;
  release(): void;
}

/** The assumed size of bodies without an announced one, until they are read. */
const GUESSED_BYTES: Readonly<Record<MethodClass, number>> = {
  read: 4 * 1024,
  'heavy-read': 4 * 1024,
  watch: 4 * 1024,
  write: 64 * 1024,
};
/** Callers whose rates are remembered. */
const MAX_CALLERS = 20_000;
/** Under overload, nobody waits as long as otherwise, but long enough for a pause of the event loop. */
const LEAST_WAIT_MS = 2_000;
/** The methods by which operators look at the limits. They touch nothing but counters. */
const NEVER_WAITS = /^postlude\.v1\.Limits\//;

interface CallerRecord {
  readonly party: Party;
  readonly bucket: TokenBucket;
  refused: number;
}

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #queues: FairQueues;
  readonly #records = new LRUCache<string, CallerRecord>({ max: MAX_CALLERS });
  readonly #results = new DailyResults();
  readonly #countRefusal: (methodClass: MethodClass, why: RefusalReason) => void;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    const { capacity, clock, load, maxWaitMs, metrics } = options;
    this.#queues = new FairQueues({
      clock,
      maxBytes: capacity.bytes,
      capacity: (each) => this.capacityOf(each),
      maxWaitMs: () =>
        load.isOverloaded
          ? Math.min(maxWaitMs, Math.max(LEAST_WAIT_MS, maxWaitMs * load.share))
          : maxWaitMs,
    });
    load.onGrowth(() => this.#queues.serve());
    this.#countRefusal = observeAdmission(metrics, this.#queues, load);
  }

  /** How many requests of the class may be in work now. */
  capacityOf(methodClass: MethodClass): number {
    const { capacity, load } = this.#options;
    return Math.max(1, Math.floor(capacity.concurrency[methodClass] * load.share));
  }

  /** Throws a Refusal, or the reason of the call's signal. */
  async enter(call: IncomingCall): Promise<AdmittedCall> {
    const methodClass = methodClassOf(call.method);
    if (NEVER_WAITS.test(call.method)) return this.#admitted(call, { hold: noop, release: noop });
    const record = this.#recordOf(call.party);
    try {
      const limits = this.#options.rules.of(call.party);
      this.#requireRate(record, limits);
      const place = await this.#queues.enter({
        limits,
        methodClass,
        caller: call.party.name,
        bytes: call.bytes ?? GUESSED_BYTES[methodClass],
        signal: call.signal,
      });
      return this.#admitted(call, place);
    } catch (error) {
      throw this.#refused(record, methodClass, error);
    }
  }

  /** Shows operators the limits, and what is in work. */
  readState(): LimitsState {
    const { capacity, clock, load, rules } = this.#options;
    const [now, results] = [clock.now(), this.#results];
    const records = [...this.#records.values()];
    const parties = [...records.map(({ party }) => party), ...results.parties(now)];
    return {
      classes: METHOD_CLASSES.map((each) => ({
        ...this.#queues.stateOf(each),
        name: each,
        capacity: capacity.concurrency[each],
        presentCapacity: this.capacityOf(each),
      })),
      callers: callerStates(parties, {
        rules,
        caller: ({ name }) => this.#queues.callers.get(name),
        refused: ({ name }) => this.#records.peek(name)?.refused ?? 0,
        resultsToday: (party) => results.countOf(party, now),
      }),
      load: { ...load.load, capacityShare: load.share },
    };
  }

  #recordOf(party: Party): CallerRecord {
    const known = this.#records.get(party.name);
    if (known) return known;
    const limits = this.#options.rules.of(party);
    const bucket = new TokenBucket(rateOf(limits), this.#options.clock.monotonicMs());
    const record = { party, bucket, refused: 0 };
    this.#records.set(party.name, record);
    return record;
  }

  #requireRate({ bucket }: CallerRecord, limits: CallerLimits): void {
    if (limits.requestsPerSecond === undefined) return;
    const waitMs = bucket.take(rateOf(limits), this.#options.clock.monotonicMs());
    if (waitMs === 0) return;
    const problem = `this caller sends more than ${limits.requestsPerSecond} requests a second`;
    throw new Refusal('rate', problem, waitMs);
  }

  #refused(record: CallerRecord, methodClass: MethodClass, error: unknown): unknown {
    if (!(error instanceof Refusal)) return error;
    const isByLoad = error.why === 'waited' && this.#options.load.isOverloaded;
    record.refused += 1;
    this.#countRefusal(methodClass, isByLoad ? 'overload' : error.why);
    return error;
  }

  #admitted({ method, party, realm }: IncomingCall, place: Place): AdmittedCall {
    let holders = 1;
    const letGo = (): void => {
      holders -= 1;
      if (holders === 0) place.release();
    };
    return {
      hold: (bytes) => {
        try {
          place.hold(bytes);
        } catch (error) {
          throw this.#refused(this.#recordOf(party), methodClassOf(method), error);
        }
      },
      release: once(letGo),
      keep: () => {
        holders += 1;
        return once(letGo);
      },
      addResults: (results) => {
        const { clock, rules } = this.#options;
        const parties = realm === undefined ? [party] : [party, realmParty(realm)];
        const limits = [...new Map(parties.map((each) => [each.name, each])).values()].map(
          (each) => ({ party: each, max: rules.of(each).resultsPerDay }),
        );
        try {
          this.#results.add(results, limits, clock.now());
        } catch (error) {
          throw this.#refused(this.#recordOf(party), methodClassOf(method), error);
        }
        return () => this.#results.takeBack(results, limits, clock.now());
      },
    };
  }
}

function rateOf({ burst, requestsPerSecond = 0 }: CallerLimits) {
  return { perSecond: requestsPerSecond, burst: burst ?? Math.max(1, 2 * requestsPerSecond) };
}

function once(fn: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) fn();
    isDone = true;
  };
}

function noop(): void {}
