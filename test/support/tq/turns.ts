/**
 * Concurrency that a seed repeats. Before a step that others could notice, each actor asks for a turn.
 * Once all of them wait, chance picks one, which runs alone until its step has ended and everything that
 * follows from it waits again. So the order of steps depends only on the seed, however long a database
 * takes.
 */
import { type Random, randomInt } from '@postlude/queue/foundations';

/** The result of a step: a value for its caller, or `gone` if the caller is never to continue. */
export type StepResult<T> = { readonly value: T } | 'gone';

interface Waiting {
  readonly name: string;
  readonly go: () => Promise<void>;
}

export class Turns {
  readonly #random: Random;
  readonly #waiting: Waiting[] = [];
  readonly #trace: string[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  /** The names of the steps so far. */
  get trace(): readonly string[] {
    return this.#trace;
  }

  /** Runs `step` when its turn comes. If its result is `gone`, the promise never settles. */
  take<T>(name: string, step: () => Promise<StepResult<T>>): Promise<T> {
    return new Promise((resolve, reject) => {
      const go = async (): Promise<void> => {
        try {
          const result = await step();
          if (result !== 'gone') resolve(result.value);
        } catch (error) {
          reject(error);
        }
      };
      this.#waiting.push({ name, go });
    });
  }

  /**
   * Gives turns until nobody waits and `onQuiet` returns false, as it has nothing to start. Calls `between`
   * before each turn.
   */
  async run(hooks: { onQuiet: () => boolean; between: () => void }): Promise<void> {
    for (;;) {
      hooks.between();
      await settled();
      const [next] = this.#waiting.splice(randomInt(this.#random, this.#waiting.length), 1);
      if (next) {
        this.#trace.push(next.name);
        await next.go();
      } else if (!hooks.onQuiet()) return;
    }
  }
}

/** Waits until everything that follows from a step without a further turn has happened. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
}
