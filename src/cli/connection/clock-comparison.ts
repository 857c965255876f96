/** Compares our clock with the server's by the `Date` headers of its responses, even of refusals. */
import { ConnectError, type Interceptor } from '@connectrpc/connect';
import type { Clock } from '@postlude/queue/foundations';

/** `Date` headers are truncated to a second, and the response takes time to arrive. */
const UNKNOWN_MS = 2_000;

export class ClockComparison {
  readonly #clock: Clock;
  #aheadMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Says how far our clock is ahead, rounded up; 0 if the response's travel time may explain it.
   * `undefined` until there is a response.
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
