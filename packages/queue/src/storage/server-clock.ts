/**
 * A clock that follows the database server's. Its time is the server's time when last asked, plus what has
 * passed since by the monotonic clock. So it does not matter whether this machine's clock is right, or is
 * set meanwhile. It is off by at most half a round trip.
 */
import type { Clock, EpochMs } from '../foundations/clock.ts';
import type { Log } from '../foundations/log.ts';
import { makePasses } from '../foundations/passes.ts';
import type { Database } from './database.ts';

/** Of several round trips, the quickest measures the offset best. */
const SAMPLES = 3;

export class ServerClock implements Clock {
  readonly #database: Pick<Database, 'serverTime'>;
  readonly #base: Clock;
  /** The server's time minus the monotonic clock's. */
  #aheadMs: number | undefined;
  #uncertaintyMs = 0;

  /** The clock follows `base` until the first `sync`. */
  constructor(database: Pick<Database, 'serverTime'>, base: Clock) {
    this.#database = database;
    this.#base = base;
  }

  now(): EpochMs {
    return this.#aheadMs === undefined
      ? this.#base.now()
      : this.#base.monotonicMs() + this.#aheadMs;
  }

  monotonicMs(): number {
    return this.#base.monotonicMs();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#base.sleep(ms, signal);
  }

  /** How far the server's clock is ahead of this machine's. */
  get offsetMs(): number {
    return this.now() - this.#base.now();
  }

  /** How far the offset may be off: half the round trip in which it was measured. */
  get uncertaintyMs(): number {
    return this.#uncertaintyMs;
  }

  /** Measures the offset again. If the database cannot be reached, it throws and keeps the old offset. */
  async sync(): Promise<void> {
    let best: { readonly tripMs: number; readonly aheadMs: number } | undefined;
    for (let sample = 0; sample < SAMPLES; sample++) {
      const sentAt = this.#base.monotonicMs();
      const serverTime = await this.#database.serverTime();
      const tripMs = this.#base.monotonicMs() - sentAt;
      const aheadMs = serverTime - (sentAt + tripMs / 2);
      if (!best || tripMs < best.tripMs) best = { tripMs, aheadMs };
    }
    this.#aheadMs = best?.aheadMs;
    this.#uncertaintyMs = (best?.tripMs ?? 0) / 2;
  }

  /** Syncs every `everyMs` until `signal` aborts. */
  async run(options: { everyMs: number; log: Log; signal: AbortSignal }): Promise<void> {
    const failure = 'cannot read the database clock';
    await makePasses(() => this.sync(), { ...options, clock: this.#base, failure }, options.signal);
  }
}
