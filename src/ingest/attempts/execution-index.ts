/**
 * Keeps what the first pass must remember of the executions of one run: enough to distinguish attempts from
 * namesakes and to count, in some tens of bytes for each execution.
 */
import type { Execution, ExecutionOutcome } from '../execution.ts';
import type { Counts, ExecutionFacts, Grouping, Placement } from '../report.ts';
import { fingerprint } from './fingerprint.ts';

/** The place of an execution among all that have its name, and among those of them in its file. */
export interface IndexedPlacement extends Placement {
  /** The number of the execution among those of its name in its file, from 1. */
  readonly ordinal: number;
}

interface Entry extends ExecutionFacts {
  readonly container: number;
  readonly isTest: boolean;
}

/** Ordered from the worst to the best. */
const OUTCOMES: readonly ExecutionOutcome[] = ['fail', 'crash', 'abort', 'not-run', 'pass', 'skip'];

export class ExecutionIndex {
  readonly #names = new Map<string, number>();
  readonly #name: number[] = [];
  readonly #outcome: number[] = [];
  readonly #round: number[] = [];
  readonly #file: number[] = [];
  /** The container, or a negative number if the execution is not a test. */
  readonly #container: number[] = [];
  /** Holds only executions that share their name: the others are first attempts. */
  readonly #placements = new Map<number, IndexedPlacement>();

  get size(): number {
    return this.#name.length;
  }

  add(file: number, testId: string, execution: Execution): void {
    const { round, outcome, isTest, container = 0 } = execution;
    this.#name.push(this.#nameNumber(testId));
    this.#outcome.push(OUTCOMES.indexOf(outcome));
    this.#round.push(round);
    this.#file.push(file);
    this.#container.push(isTest ? container : -1 - container);
  }

  /** Forgets the executions that were added since the index had this size. */
  cutTo(size: number): void {
    for (const column of [this.#name, this.#outcome, this.#round, this.#file, this.#container]) {
      column.length = size;
    }
  }

  /** Places all executions, and counts the tests. Call it once, after all executions were added. */
  settle(grouping: Grouping): Counts {
    const counter = new Counter();
    for (const positions of this.#byName()) {
      const single = positions.length === 1 ? positions[0] : undefined;
      if (single === undefined) this.#settleNamesakes(positions, grouping, counter);
      else counter.add(this.#entry(single).isTest, [this.#entry(single).outcome]);
    }
    return counter.counts;
  }

  placementOf(position: number): IndexedPlacement {
    const { outcome } = this.#entry(position);
    return this.#placements.get(position) ?? { test: 0, attempt: 1, outcome, ordinal: 1 };
  }

  #nameNumber(testId: string): number {
    const key = fingerprint(testId);
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    this.#names.set(key, this.#names.size);
    return this.#names.size - 1;
  }

  *#byName(): Generator<readonly number[]> {
    const times = new Uint32Array(this.#names.size);
    for (const name of this.#name) times[name] = (times[name] ?? 0) + 1;
    const shared = new Map<number, number[]>();
    for (const [position, name] of this.#name.entries()) {
      if (times[name] === 1) yield [position];
      else if (!shared.get(name)?.push(position)) shared.set(name, [position]);
    }
    yield* shared.values();
  }

  #settleNamesakes(positions: readonly number[], grouping: Grouping, counter: Counter): void {
    const ordinals = this.#ordinalsInFile(positions);
    let testsBefore = 0;
    for (const members of this.#scopes(positions, grouping)) {
      const entries = members.map((position) => this.#entry(position));
      const placements = grouping.place(entries);
      for (const [index, position] of members.entries()) {
        const placement = placements[index] ?? this.placementOf(position);
        const test = testsBefore + placement.test;
        this.#placements.set(position, {
          ...placement,
          test,
          ordinal: ordinals.get(position) ?? 1,
        });
      }
      const tests = attemptsOf(placements);
      for (const attempts of tests) counter.add(entries[0]?.isTest ?? true, attempts);
      testsBefore += tests.length;
    }
  }

  /** Groups the executions that may be attempts of one test. */
  #scopes(positions: readonly number[], { spansFiles }: Grouping): Iterable<readonly number[]> {
    return Map.groupBy(positions, (position) => {
      const { file, container, isTest } = this.#entry(position);
      return `${spansFiles ? '' : file}/${container}/${isTest}`;
    }).values();
  }

  #ordinalsInFile(positions: readonly number[]): ReadonlyMap<number, number> {
    const inFile = new Map<number, number>();
    return new Map(
      positions.map((position) => {
        const { file } = this.#entry(position);
        const ordinal = (inFile.get(file) ?? 0) + 1;
        inFile.set(file, ordinal);
        return [position, ordinal];
      }),
    );
  }

  #entry(position: number): Entry {
    const container = this.#container[position] ?? 0;
    return {
      round: this.#round[position] ?? 1,
      outcome: OUTCOMES[this.#outcome[position] ?? 0] ?? 'fail',
      file: this.#file[position] ?? 0,
      isTest: container >= 0,
      container: container >= 0 ? container : -1 - container,
    };
  }
}

/** Returns the outcomes of each test's attempts. The outcome of an attempt is that of its worst part. */
function attemptsOf(placements: readonly Placement[]): readonly (readonly ExecutionOutcome[])[] {
  const tests: ExecutionOutcome[][] = [];
  for (const { test, attempt, outcome } of placements) {
    tests[test] ??= [];
    const attempts = tests[test];
    const known = attempts[attempt - 1] ?? outcome;
    const isWorse = OUTCOMES.indexOf(outcome) < OUTCOMES.indexOf(known);
    attempts[attempt - 1] = isWorse ? outcome : known;
  }
  return tests;
}

class Counter {
  readonly #counts = { ...NO_COUNTS };

  get counts(): Counts {
    return this.#counts;
  }

  /** Adds one test, or one failure that is not of a test, with the outcomes of its attempts. */
  add(isTest: boolean, attempts: readonly ExecutionOutcome[]): void {
    const last = attempts.at(-1) ?? 'pass';
    if (!isTest) {
      if (last !== 'pass' && last !== 'skip') this.#counts.otherFailures += 1;
      return;
    }
    this.#counts.tests += 1;
    if (last === 'pass') this.#counts.passed += 1;
    else if (last === 'skip') this.#counts.skipped += 1;
    else if (last === 'crash') this.#counts.errored += 1;
    else this.#counts.failed += 1;
    if (last === 'pass' && attempts.some((outcome) => outcome !== 'pass' && outcome !== 'skip')) {
      this.#counts.flaky += 1;
    }
  }
}

export const NO_COUNTS: Counts = {
  tests: 0,
  passed: 0,
  failed: 0,
  errored: 0,
  skipped: 0,
  flaky: 0,
  otherFailures: 0,
};

export function addCounts(a: Counts, b: Counts): Counts {
  return {
    tests: a.tests + b.tests,
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    errored: a.errored + b.errored,
    skipped: a.skipped + b.skipped,
    flaky: a.flaky + b.flaky,
    otherFailures: a.otherFailures + b.otherFailures,
  };
}
