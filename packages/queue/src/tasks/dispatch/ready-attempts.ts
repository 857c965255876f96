import type { Attempt } from './attempt.ts';

/** Attempts that are leased and wait for a free slot, in the order in which they begin. */
export class ReadyAttempts {
  #attempts: Attempt[] = [];

  get length(): number {
    return this.#attempts.length;
  }

  [Symbol.iterator](): Iterator<Attempt> {
    return this.#attempts[Symbol.iterator]();
  }

  push(attempts: readonly Attempt[]): void {
    this.#attempts.push(...attempts);
  }

  /** Takes the attempts of one call: the first, and those that may be in a batch with it. */
  takeCall(): [Attempt, ...Attempt[]] | undefined {
    const first = this.#attempts.shift();
    if (first === undefined || first.maxBatch === 1) return first && [first];
    const taken: [Attempt, ...Attempt[]] = [first];
    this.#attempts = this.#attempts.filter((attempt) => {
      if (taken.length === first.maxBatch || !canJoin(attempt, first)) return true;
      taken.push(attempt);
      return false;
    });
    return taken;
  }

  takeAll(): readonly Attempt[] {
    const all = this.#attempts;
    this.#attempts = [];
    return all;
  }
}

function canJoin(attempt: Attempt, first: Attempt): boolean {
  return attempt.lease.type === first.lease.type && attempt.maxBatch > 1;
}
