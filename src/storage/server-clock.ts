/**
 * A clock in step with the database server's: the time that the server told last, and what has passed
 * since by the monotonic clock. So nothing depends on how right this machine's own clock is, nor on
 * whether it is set meanwhile. Off by at most half a round trip.
 */
import type { Clock, EpochMs } from '../clock.ts';
import { toError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Database } from './database.ts';

/** The quickest of a few round trips tells the offset best. */
const SAMPLES = 3;

export class ServerClock implements Clock {
  readonly #database: Pick<Database, 'serverTime'>;
  readonly #base: Clock;
  /** The server's time less the monotonic clock's. */
  #aheadMs: number | undefined;
  #uncertaintyMs = 0;

  /** Runs with `base` until the first `sync`. */
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

  /** By how much that may be wrong: half the round trip that it was measured by. */
  get uncertaintyMs(): number {
    return this.#uncertaintyMs;
  }

  /** Measures the offset anew. Throws, and keeps the old one, where the database cannot be asked. */
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

  /** Keeps in step until `signal` aborts. */
  async run(options: { everyMs: number; log: Log; signal: AbortSignal }): Promise<void> {
    const { everyMs, log, signal } = options;
    while (!signal.aborted) {
      await this.sync().catch((error: unknown) => {
        log.warn('cannot read the database clock', { error: toError(error) });
      });
      await this.#base.sleep(everyMs, signal);
    }
  }
}
