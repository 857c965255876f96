/**
 * Compares what the headers of suites claim (`tests`, `failures`, `errors`) with what the suites hold.
 *
 * The counts are always those of the test cases. But if a header claims more than the file holds, results
 * are missing, unless its dialect is known to exaggerate there. Headers whose counts are not numbers come
 * from a producer that does not count: they lead to a warning, and none is trusted.
 */
import type { FormatSink } from '../execution.ts';
import type { Attributes } from './test-case.ts';

export type ClaimedCount = 'tests' | 'failures' | 'errors';

export interface HeaderHabits {
  /** Counts that exceed the test cases even in complete reports. */
  readonly exaggerates?: readonly ClaimedCount[];
  /** The root counts pending tests that the file does not hold. */
  readonly hidesPending?: boolean;
  /** True if counts below those of the test cases are worth a warning. */
  readonly isUnknown?: boolean;
}

/** The amounts that a test case adds to the counts of its suites. */
export interface HeldCase {
  /** The number of its failures and errors, attempts included. */
  readonly failures: number;
  readonly isSkipped: boolean;
}

interface Level {
  readonly name: string;
  readonly attributes: Attributes;
  readonly line: number;
  /** The counts of the test cases directly in the suite. */
  ownTests: number;
  /** The same including the suites inside of it, and what is missing there. */
  tests: number;
  failures: number;
  skipped: number;
}

interface Contradiction {
  readonly line: number;
  readonly message: string;
  readonly isLoss: boolean;
}

/** A count in a header, and what the report holds. */
interface Claim {
  readonly count: ClaimedCount;
  readonly claimed: number;
  readonly held: number;
}

const COUNTS: readonly ClaimedCount[] = ['tests', 'failures', 'errors'];
/** The limit of warnings, as nobody reads more. */
const MAX_TOLD = 20;
const MAX_NAME = 80;

export class HeaderClaims {
  readonly #habits: HeaderHabits;
  readonly #sink: FormatSink;
  readonly #levels: Level[] = [];
  readonly #contradictions: Contradiction[] = [];
  #leftOut = 0;
  #malformedLine: number | undefined;

  constructor(habits: HeaderHabits, sink: FormatSink) {
    this.#habits = habits;
    this.#sink = sink;
  }

  open(name: string, attributes: Attributes, line: number): void {
    if (COUNTS.some((count) => isMalformed(attributes[count]))) this.#malformedLine ??= line;
    const none = { ownTests: 0, tests: 0, failures: 0, skipped: 0 };
    this.#levels.push({ name, attributes, line, ...none });
  }

  hold({ failures, isSkipped }: HeldCase): void {
    const level = this.#levels.at(-1);
    if (!level) return;
    level.ownTests += 1;
    level.tests += 1;
    level.failures += failures;
    if (isSkipped) level.skipped += 1;
  }

  close(): void {
    const level = this.#levels.pop();
    if (!level) return;
    if (this.#habits.hidesPending) this.#closeWithPending(level);
    else this.#compare(level);
    const parent = this.#levels.at(-1);
    if (!parent) return;
    parent.tests += level.tests;
    parent.failures += level.failures;
    parent.skipped += level.skipped;
  }

  /** Reports what was found, once the file is known to be whole. */
  end(): void {
    const isBelieved = this.#malformedLine === undefined;
    if (this.#malformedLine !== undefined && this.#contradictions.length > 0) {
      this.#sink.warning(this.#malformedLine, 'counts in headers are not numbers: none is trusted');
    }
    for (const { line, message, isLoss } of this.#contradictions) {
      if (isLoss && isBelieved) this.#sink.error(line, `${message}: results are missing`);
      else this.#sink.warning(line, message);
    }
    if (this.#leftOut > 0) {
      this.#sink.warning(1, `${this.#leftOut} more headers contradict what they hold`);
    }
  }

  #compare(level: Level): void {
    for (const count of COUNTS) {
      const claimed = claimOf(level, count);
      if (claimed === undefined) continue;
      const held = count === 'tests' ? level.tests : level.failures;
      if (claimed > held) this.#exceed(level, { count, claimed, held });
      else if (this.#habits.isUnknown) this.#fallShort(level, count, claimed);
    }
  }

  /** Reports the suite with the contradiction, but not all the suites around it. */
  #exceed(level: Level, claim: Claim): void {
    const { claimed, count } = claim;
    if (this.#habits.exaggerates?.includes(count)) return;
    this.#contradict(level, { ...claim, isLoss: true });
    if (count === 'tests') level.tests = claimed;
    else level.failures = claimed;
  }

  /** Some producers count the tests of inner suites, and some do not. */
  #fallShort(level: Level, count: ClaimedCount, claimed: number): void {
    const { ownTests, failures } = level;
    if (count === 'tests' && claimed < ownTests) {
      this.#contradict(level, { count, claimed, held: ownTests, isLoss: false });
    }
    if (count === 'failures' && claimed === 0 && claimOf(level, 'errors') === 0 && failures > 0) {
      this.#contradict(level, { count, claimed, held: failures, isLoss: false });
    }
  }

  /** mocha-junit-reporter counts only the root suite at the end of the run. */
  #closeWithPending(level: Level): void {
    if (this.#levels.length > 0) return;
    const missing = (claimOf(level, 'tests') ?? 0) - level.tests;
    const pending = Math.min(missing, (numberOf(level.attributes.skipped) ?? 0) - level.skipped);
    if (pending > 0) {
      level.tests += pending;
      this.#sink.unnamedSkips(pending);
      const are = pending === 1 ? '1 pending test is' : `${pending} pending tests are`;
      this.#sink.warning(
        level.line,
        `${are} counted from the header, as the file does not name them (the reporter's option includePending does)`,
      );
    }
    this.#compare(level);
  }

  #contradict(
    level: Level,
    { claimed, count, held, isLoss }: Claim & { readonly isLoss: boolean },
  ): void {
    if (this.#contradictions.length >= MAX_TOLD) {
      this.#leftOut += 1;
      return;
    }
    const { name, attributes, line } = level;
    const label = attributes.name === undefined ? '' : ` "${attributes.name.slice(0, MAX_NAME)}"`;
    const message = `the header of ${name}${label} says ${count}="${claimed}", but there are ${held}`;
    this.#contradictions.push({ line, message, isLoss });
  }
}

function claimOf({ attributes }: Level, count: ClaimedCount): number | undefined {
  return numberOf(attributes[count]);
}

function numberOf(text: string | undefined): number | undefined {
  const plain = text?.trim() ?? '';
  return /^\d{1,15}$/.test(plain) ? Number(plain) : undefined;
}

/** An empty count is no count. */
function isMalformed(text: string | undefined): boolean {
  return text !== undefined && text.trim() !== '' && numberOf(text) === undefined;
}
