/** Compares our clock with the server's, by the dates of its answers, refusals included. */
import { ConnectError, type Interceptor } from '@connectrpc/connect';
import type { Clock } from '../../clock.ts';

/** A date has whole seconds, and is on its way for a while. */
const UNKNOWN_MS = 2_000;

export class ClockComparison {
  readonly #clock: Clock;
  #aheadMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * By how much we are ahead, rounded up; 0 where that may be due to the way of the answer.
   * `undefined` while there is no answer.
   */
  get aheadMs(): number | undefined {
    if (this.#aheadMs === undefined) return undefined;
    return this.#aheadMs > UNKNOWN_MS ? this.#aheadMs : 0;
  }

  readonly interceptor: Interceptor = (next) => async (request) => {
    try {
      const response = await next(request);
      this.#compare(response.header);
      return response;
    } catch (error) {
      if (error instanceof ConnectError) this.#compare(error.metadata);
      throw error;
    }
  };

  #compare(headers: Headers): void {
    const date = Date.parse(headers.get('date') ?? '');
    if (!Number.isNaN(date)) this.#aheadMs = this.#clock.now() - date;
  }
}
