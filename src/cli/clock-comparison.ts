/** Compares our clock with the server's, by the dates of its answers. */
import type { Interceptor } from '@connectrpc/connect';
import type { Clock } from '../clock.ts';

/** A date has whole seconds, and is on its way for a while. */
const UNKNOWN_MS = 2_000;

export class ClockComparison {
  readonly #clock: Clock;
  #aheadMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** By how much we are ahead, rounded up; 0 where that may be due to the way of the answer. */
  get aheadMs(): number {
    return this.#aheadMs > UNKNOWN_MS ? this.#aheadMs : 0;
  }

  readonly interceptor: Interceptor = (next) => async (request) => {
    const response = await next(request);
    const date = Date.parse(response.header.get('date') ?? '');
    if (!Number.isNaN(date)) this.#aheadMs = this.#clock.now() - date;
    return response;
  };
}
