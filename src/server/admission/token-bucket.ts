/** A rate with bursts: a bucket of tokens that fills steadily, and from which each request takes one. */

export interface Rate {
  readonly perSecond: number;
  /** How many requests may arrive at once after a pause. */
  readonly burst: number;
}

export class TokenBucket {
  #tokens: number;
  #filledAt: number;

  constructor({ burst }: Rate, nowMs: number) {
    this.#tokens = burst;
    this.#filledAt = nowMs;
  }

  /** Takes a token. Returns 0, or after how many milliseconds there will be one. */
  take({ burst, perSecond }: Rate, nowMs: number): number {
    const gained = ((nowMs - this.#filledAt) / 1000) * perSecond;
    this.#tokens = Math.min(burst, this.#tokens + gained);
    this.#filledAt = nowMs;
    if (this.#tokens < 1) return Math.ceil(((1 - this.#tokens) / perSecond) * 1000);
    this.#tokens -= 1;
    return 0;
  }
}
