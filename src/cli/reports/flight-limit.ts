/**
 * How many batches an upload keeps in flight. It is congestion control as in TCP: additive increase while the
 * server takes batches about as fast as it would take one alone, a small decrease once they wait for one
 * another, and half of it when the server refuses one for now. A server that is close and has one processor
 * for uploads gets two or three batches at a time, a distant one gets as many as fit into a round trip.
 */
const FIRST = 2;
const MOST = 8;
/** Batches that take longer than this many times the fastest one wait for one another. */
const SLOW = 3;
/** By how much the fastest time grows with each batch, so that a single one does not set the pace for ever. */
const FORGETTING = 1.02;

/** The number of refusals that the limit had heeded when a batch began. */
export type Era = number;

export class FlightLimit {
  #limit = FIRST;
  #fastestMs = Number.POSITIVE_INFINITY;
  #era: Era = 0;

  /** A whole number of at least 1. */
  get batches(): number {
    return Math.floor(this.#limit);
  }

  get era(): Era {
    return this.#era;
  }

  /** A batch that was never refused has been stored after this time. */
  stored(ms: number): void {
    this.#fastestMs = Math.min(this.#fastestMs * FORGETTING, ms);
    const step = ms <= SLOW * this.#fastestMs ? 1 / this.#limit : -1 / this.#limit;
    this.#limit = Math.min(MOST, Math.max(1, this.#limit + step));
  }

  /** Batches of one era are refused for the same overload, which counts once. */
  refused(era: Era): void {
    if (era !== this.#era) return;
    this.#era += 1;
    this.#limit = Math.max(1, this.#limit / 2);
  }
}
