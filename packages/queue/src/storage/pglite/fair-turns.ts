/**
 * Gives the one connection of an embedded database to those that wait for it. Callers are served in turn,
 * and what works for the same caller in the order in which it came. So a caller that has little to do
 * waits for one transaction of each other caller, however many these have asked for.
 */
type Begin = () => void;

export class FairTurns {
  /** By caller, in the order of their turns. */
  readonly #waiting = new Map<string, Begin[]>();
  #isTaken = false;

  /** Runs `fn` while nobody else runs. */
  async run<T>(caller: string, fn: () => Promise<T>): Promise<T> {
    if (this.#isTaken) await this.#turnOf(caller);
    this.#isTaken = true;
    try {
      return await fn();
    } finally {
      this.#pass();
    }
  }

  #turnOf(caller: string): Promise<void> {
    const queue = this.#waiting.get(caller) ?? [];
    this.#waiting.set(caller, queue);
    return new Promise((resolve) => queue.push(resolve));
  }

  /** The connection stays taken if anybody waits, so that nobody who comes now is served first. */
  #pass(): void {
    const [next] = this.#waiting;
    this.#isTaken = next !== undefined;
    if (next === undefined) return;
    const [caller, queue] = next;
    const begin = queue.shift();
    this.#waiting.delete(caller);
    if (queue.length > 0) this.#waiting.set(caller, queue); // after all others
    begin?.();
  }
}
