/**
 * Computes each test's verdict over all its attempts: see `Verdict`. Results come in any order, so what has
 * been seen of each test is kept until the end: one byte and the digest of its name, about 80 bytes a test.
 */
import { hash } from 'node:crypto';
import { TestStatus } from '../../gen/luci/resultdb/v1/test_result_pb.js';

/**
 * - `expected`: all attempts went as expected, at least one of them ran.
 * - `skipped`: all attempts were skipped, as expected.
 * - `flaky`: some attempts went as expected, some did not.
 * - `unexpected`: no attempt went as expected.
 * - `exonerated`: some attempt did not go as expected, but an exoneration says that this does not count.
 */
export type Verdict = 'expected' | 'skipped' | 'flaky' | 'unexpected' | 'exonerated';

export type VerdictCounts = Record<Verdict, number>;

/** A test under one variant. */
export interface TestVariant {
  readonly testId: string;
  readonly variantHash: string;
}

export interface Attempt extends TestVariant {
  readonly expected: boolean;
  readonly status: TestStatus;
}

const HAS_EXPECTED = 1;
const HAS_UNEXPECTED = 2;
const HAS_RUN = 4;
const IS_EXONERATED = 8;

export class Verdicts {
  readonly #seen = new Map<string, number>();

  add({ expected, status, ...test }: Attempt): void {
    const bits = expected ? HAS_EXPECTED : HAS_UNEXPECTED;
    this.#mark(test, status === TestStatus.SKIP ? bits : bits | HAS_RUN);
  }

  /** Has no effect on a test that has no results. */
  exonerate(test: TestVariant): void {
    this.#mark(test, IS_EXONERATED);
  }

  /** Returns `undefined` for a test that has no results. */
  of(test: TestVariant): Verdict | undefined {
    return verdictOf(this.#seen.get(keyOf(test)) ?? 0);
  }

  counts(): VerdictCounts {
    const counts: VerdictCounts = {
      expected: 0,
      skipped: 0,
      flaky: 0,
      unexpected: 0,
      exonerated: 0,
    };
    for (const bits of this.#seen.values()) {
      const verdict = verdictOf(bits);
      if (verdict !== undefined) counts[verdict] += 1;
    }
    return counts;
  }

  #mark(test: TestVariant, bits: number): void {
    const key = keyOf(test);
    this.#seen.set(key, (this.#seen.get(key) ?? 0) | bits);
  }
}

function verdictOf(bits: number): Verdict | undefined {
  if ((bits & HAS_UNEXPECTED) === 0) {
    if ((bits & HAS_EXPECTED) === 0) return undefined;
    return (bits & HAS_RUN) === 0 ? 'skipped' : 'expected';
  }
  if ((bits & IS_EXONERATED) !== 0) return 'exonerated';
  return (bits & HAS_EXPECTED) === 0 ? 'unexpected' : 'flaky';
}

/**
 * Returns 96 bits: the probability that any two of a million tests share a key is below 1 : 10^16. One
 * character holds one byte, to keep the key short.
 */
function keyOf({ testId, variantHash }: TestVariant): string {
  return hash('sha256', `${variantHash} ${testId}`, 'buffer').toString('latin1', 0, 12);
}
