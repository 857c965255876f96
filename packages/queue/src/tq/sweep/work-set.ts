/**
 * A set of work that may produce more work: a loop over it ends when nothing waits and nothing is under way.
 * It picks items at random, so that concurrent sweeps seldom work on the same range.
 */
import { type Random, randomInt } from '../../foundations/random.ts';

export class WorkSet<T> implements AsyncIterable<T> {
  readonly #random: Random;
  readonly #waiting: T[];
  #underWay = 0;
  #wake = Promise.withResolvers<void>();

  constructor(items: readonly T[], random: Random) {
    this.#waiting = [...items];
    this.#random = random;
  }

  /** Call it once for each item that was taken: the item is done, and `followUps` follow from it. */
  done(followUps: readonly T[]): void {
    this.#waiting.push(...followUps);
    this.#underWay -= 1;
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  /** Only one loop may run at a time. */
  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    for (;;) {
      const [item] = this.#waiting.splice(randomInt(this.#random, this.#waiting.length), 1);
      if (item !== undefined) {
        this.#underWay += 1;
        yield item;
      } else if (this.#underWay > 0) await this.#wake.promise;
      else return;
    }
  }
}
