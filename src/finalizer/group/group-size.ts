/**
 * How many tries a group has: fewer after a conflict, and more again after groups of that size were
 * decided without one.
 */
const MAX_SIZE = 200;
const GROWTH = 1.5;

export class GroupSize {
  #size = MAX_SIZE;

  get next(): number {
    return Math.floor(this.#size);
  }

  succeeded(count: number): void {
    if (count >= this.next) this.#size = Math.min(MAX_SIZE, this.#size * GROWTH + 1);
  }

  conflicted(count: number): void {
    this.#size = Math.max(1, Math.min(this.#size, count) / 2);
  }
}
