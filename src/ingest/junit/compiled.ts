/**
 * The runners of compiled languages: cargo-nextest, GoogleTest and CTest.
 */
import type { ExecutionOutcome } from '../execution.ts';
import type { JUnitDialect } from './dialect.ts';
import {
  byClass,
  type CaseReading,
  has,
  type JUnitCase,
  messageOf,
  readPlainly,
  typeOf,
} from './test-case.ts';

export const cargoNextest: JUnitDialect = {
  name: 'cargo-nextest',
  recognizes: ({ root, rootAttributes }) =>
    root === 'testsuites' &&
    (rootAttributes.uuid !== undefined || /^nextest\b/.test(rootAttributes.name ?? '')),
  open: () => (testCase) => {
    const reading = readPlainly(testCase);
    const hasTimedOut = typeOf(testCase, 'failure') === 'test timeout';
    return hasTimedOut ? { ...reading, outcome: 'abort' } : reading;
  },
};

/** Disabled tests are `notrun`; the failed set-up of a suite is a test case without a name. */
export const googleTest: JUnitDialect = {
  name: 'googletest',
  recognizes: ({ cases, rootAttributes }) =>
    cases.some(({ status, result }) => status !== undefined && result !== undefined) ||
    (rootAttributes.name === 'AllTests' && cases.some(({ status }) => status !== undefined)),
  open: () => (testCase) => {
    const { name, attributes } = testCase;
    const tags = ['type_param', 'value_param'].flatMap((key): [string, string][] => {
      const value = attributes[key];
      return value === undefined ? [] : [[key, value]];
    });
    const skippedBy = attributes.status === 'notrun' ? 'declaration' : 'test';
    const reading: CaseReading = { ...readPlainly(testCase), skippedBy, tags };
    if (name === '' && has(testCase, 'failure')) {
      return { ...reading, isTest: false, outcome: 'crash' };
    }
    const isSkipped = attributes.status === 'notrun' || attributes.result === 'skipped';
    return isSkipped && reading.outcome === 'pass' ? { ...reading, outcome: 'skip' } : reading;
  },
};

/** Tests that could not run are written as skipped, but fail the run. */
export const cTest: JUnitDialect = {
  name: 'ctest',
  recognizes: ({ root, cases }) =>
    root === 'testsuite' &&
    cases.some(({ status }) => /^(run|fail|notrun|disabled)$/.test(status ?? '')),
  open: () => (testCase) => ({
    ...byClass(testCase),
    isTest: true,
    outcome: cTestOutcome(testCase),
  }),
};

function cTestOutcome(testCase: JUnitCase): ExecutionOutcome {
  const { status } = testCase.attributes;
  if (status === 'disabled') return 'skip';
  if (status === 'notrun') {
    return messageOf(testCase, 'skipped').startsWith('SKIP_') ? 'skip' : 'not-run';
  }
  const { outcome } = readPlainly(testCase);
  return /^timeout/i.test(messageOf(testCase, 'failure')) ? 'abort' : outcome;
}
