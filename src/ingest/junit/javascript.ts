/**
 * Vitest, jest-junit, mocha-junit-reporter and node:test.
 */
import { fingerprint } from '../attempts/fingerprint.ts';
import type { ExecutionOutcome } from '../execution.ts';
import type { JUnitDialect } from './dialect.ts';
import { inOrder } from './marks.ts';
import {
  byClass,
  type CaseReading,
  has,
  type JUnitCase,
  readPlainly,
  typeOf,
  worstOutcome,
} from './test-case.ts';

/** A file that failed to load has its own name; a hook that failed has its block's name, at the end. */
export const vitest: JUnitDialect = {
  name: 'vitest',
  recognizes: ({ rootAttributes, suites }) =>
    rootAttributes.name === 'vitest tests' ||
    suites.some((suite) => inOrder(suite, 'name timestamp hostname tests failures errors')),
  open: () => {
    const blocks = new Blocks();
    return (testCase) => {
      const { name, classname } = testCase;
      const isBroken = has(testCase, 'failure');
      blocks.enter(testCase);
      if (isBroken && (name === classname || blocks.has(name))) return notATest(testCase);
      blocks.add(name);
      return readPlainly(testCase);
    };
  },
};

/** jest-junit writes `error` only for a file that failed to load; newer versions add a failure. */
export const jestJUnit: JUnitDialect = {
  name: 'jest-junit',
  recognizes: ({ rootAttributes, suites }) =>
    rootAttributes.name === 'jest tests' ||
    suites.some((suite) => inOrder(suite, 'name errors failures skipped timestamp time tests')),
  open: () => (testCase) => {
    const { name, classname } = testCase;
    const isHook = name.includes('Test execution failure:');
    const isFile = has(testCase, 'error') || classname === 'Test suite failed to run';
    return isHook || isFile ? notATest(testCase) : readPlainly(testCase);
  },
};

/** The full title is in `name`, or in `classname` if the reporter is configured to swap the two. */
export const mochaJUnitReporter: JUnitDialect = {
  name: 'mocha-junit-reporter',
  recognizes: ({ rootAttributes, suites }) =>
    rootAttributes.name === 'Mocha Tests' ||
    suites[0]?.name === 'Root Suite' ||
    suites.some((suite) => inOrder(suite, 'name timestamp tests file time failures')),
  open: () => (testCase) => {
    const { name, classname } = testCase;
    const fullTitle = classname.length > name.length ? classname : name;
    // Mocha itself counts a failing hook among its failures.
    return { suite: [], name: fullTitle, isTest: true, outcome: worstOutcome(testCase) };
  },
  headers: { hidesPending: true },
};

/** Suites nest, and so do tests with subtests: both are `<testsuite>`. */
export const nodeTest: JUnitDialect = {
  name: 'node-test',
  recognizes: ({ root, rootAttributes, cases, suites }) =>
    root === 'testsuites' &&
    Object.keys(rootAttributes).length === 0 &&
    (cases.some((attributes) => inOrder(attributes, 'name time classname')) ||
      suites.some((attributes) => inOrder(attributes, 'name time disabled errors'))),
  open: () => (testCase) => ({
    suite: testCase.suites.map(({ name }) => unquoted(name)),
    name: unquoted(testCase.name),
    isTest: true,
    outcome: nodeOutcome(testCase),
    tags: typeOf(testCase, 'skipped') === 'todo' ? [['todo', 'true']] : [],
  }),
};

function nodeOutcome(testCase: JUnitCase): ExecutionOutcome {
  // A todo that fails has both, and does not fail the run.
  if (has(testCase, 'skipped')) return 'skip';
  const wasEnded = /^(cancelledByParent|testTimeoutFailure|testAborted)$/;
  return wasEnded.test(typeOf(testCase, 'failure')) ? 'abort' : worstOutcome(testCase);
}

/** The reporter escapes quotes twice. */
function unquoted(text: string): string {
  return text.replaceAll('&quot;', '"');
}

function notATest(testCase: JUnitCase): CaseReading {
  return { ...byClass(testCase), isTest: false, outcome: 'crash' };
}

/** The number of parts of a name that are searched; blocks never nest deeper. */
const MAX_PARTS = 12;

/** Collects the names of the describe blocks of one file, as far as its tests have shown them. */
class Blocks {
  #file = 0;
  /** The fingerprints of the names. */
  readonly #names = new Set<string>();

  enter({ suites }: JUnitCase): void {
    const file = suites.at(-1)?.ordinal ?? 0;
    if (file !== this.#file) this.#names.clear();
    this.#file = file;
  }

  /** A block's own name may hold the separator, so any run of parts before the last may be one. */
  add(testName: string): void {
    const parts = testName.split(' > ').slice(0, MAX_PARTS);
    for (let start = 0; start < parts.length - 1; start += 1) {
      for (let end = start + 1; end < parts.length; end += 1) {
        this.#names.add(fingerprint(parts.slice(start, end).join(' > ')));
      }
    }
  }

  has(name: string): boolean {
    return this.#names.has(fingerprint(name));
  }
}
