/**
 * The inputs of a target. An input follows from the target, its corpus, a seed and its number, and from nothing
 * that happened before: so each can be made again by itself.
 */
import { randomInt, seededRandom } from '@postlude/queue/foundations';
import { type MutationSources, mutate, pick, wordsOf } from './mutation.ts';
import type { FuzzTarget } from './target.ts';

/** One in so many inputs is made by the target's generator. */
const GENERATED_EVERY = 6;
/** One in so many of these is not changed. */
const UNCHANGED_EVERY = 2;

export class Inputs {
  readonly #target: FuzzTarget;
  readonly #sources: MutationSources;

  /** `corpus` is not empty. */
  constructor(target: FuzzTarget, corpus: readonly Buffer[]) {
    this.#target = target;
    this.#sources = { words: wordsOf(target.dictionary), others: corpus };
  }

  of(seed: number, index: number): Buffer {
    const random = seededRandom(seed ^ Math.imul(index + 1, 0x9e3779b1));
    const { generate } = this.#target;
    if (generate === undefined || randomInt(random, GENERATED_EVERY) > 0) {
      return mutate(pick(this.#sources.others, random) ?? Buffer.alloc(0), random, this.#sources);
    }
    const generated = Buffer.from(generate(randomInt(random, 2 ** 31)));
    const isKept = randomInt(random, UNCHANGED_EVERY) === 0;
    return isKept ? generated : mutate(generated, random, this.#sources);
  }
}
