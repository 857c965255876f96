/**
 * A pattern for whole test ids, in RE2's syntax. Compiling it takes a few tens of milliseconds at worst,
 * and so does matching one id; the work is counted, so that callers can bound that of many ids.
 */

import { CodedError } from '@postlude/queue/foundations';
import { RE2JS } from 're2js';
import { Automaton, type Program } from './automaton.ts';
import { estimateRunes, estimateSize } from './pattern-size.ts';

/** Enough for every pattern of 4 KiB without counted repetitions. */
export const MAX_PATTERN_SIZE = 6_500;
/** A class of Unicode counts as a thousand. */
const MAX_PATTERN_RUNES = 1_000_000;

export class TestIdPattern {
  readonly #automaton: Automaton;

  private constructor(program: Program) {
    this.#automaton = new Automaton(program);
  }

  /** Throws `invalid-argument` if the pattern is not RE2, or is too large. */
  static compile(pattern: string): TestIdPattern {
    const size = estimateSize(pattern);
    if (size > MAX_PATTERN_SIZE) throw tooLarge(size);
    if (estimateRunes(pattern) > MAX_PATTERN_RUNES) throw tooWide();
    try {
      return new TestIdPattern(RE2JS.compile(pattern).re2().prog as Program);
    } catch (cause) {
      throw new CodedError('invalid-argument', `not a valid RE2 pattern: ${pattern}`, { cause });
    }
  }

  /** How much work all calls of `matches` have been together. A unit takes some 5 to 40 ns. */
  get work(): number {
    return this.#automaton.work;
  }

  matches(testId: string): boolean {
    return this.#automaton.accepts(testId);
  }
}

function tooLarge(size: number): CodedError {
  return new CodedError(
    'invalid-argument',
    `the pattern has about ${size} steps after its counted repetitions are written out, and at most ${MAX_PATTERN_SIZE} are allowed: use * or + in place of {n,m}, or smaller numbers`,
  );
}

function tooWide(): CodedError {
  return new CodedError(
    'invalid-argument',
    'the pattern has too many classes like \\pL, or ranges that are too wide for the flag i',
  );
}
