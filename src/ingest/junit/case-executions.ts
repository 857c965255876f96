/**
 * Reads the executions of one test case: `flaky…` children are attempts before the one that passed, and
 * `rerun…` children are attempts after the one that failed.
 */
import type { Execution, ExecutionOutcome, SourceLocation } from '../execution.ts';
import type { CaseReading, JUnitCase, Verdict } from './test-case.ts';
import { millisecondsOf, zonedTimeOf } from './time.ts';

export function executionsOf(testCase: JUnitCase, reading: CaseReading): Execution[] {
  const { verdicts } = testCase;
  const before = verdicts.filter(({ kind }) => kind.startsWith('flaky'));
  const after = verdicts.filter(({ kind }) => kind.startsWith('rerun'));
  const shared = sharedFields(testCase, reading);
  const attempts = [
    ...before.map((verdict) => attemptOf(verdict, reading)),
    ownAttempt(testCase, reading),
    ...after.map((verdict) => attemptOf(verdict, reading)),
  ];
  return attempts.map(({ tags, ...attempt }, index) => ({
    ...shared,
    ...attempt,
    tags: [...shared.tags, ...tags],
    round: index + 1,
  }));
}

function sharedFields(testCase: JUnitCase, reading: CaseReading) {
  const { suites, classname, properties, line } = testCase;
  const suite = suites.at(-1);
  return {
    suite: reading.suite,
    name: reading.name,
    isTest: reading.isTest,
    container: suite?.ordinal ?? 0,
    skippedBy: reading.skippedBy,
    tags: [
      ...pair('suite', suite?.name),
      ...pair('class', classname),
      ...(reading.tags ?? []),
      ...properties,
    ],
    location: locationOf(testCase),
    line,
  };
}

function pair(key: string, value: string | undefined): readonly (readonly [string, string])[] {
  return value === undefined || value === '' ? [] : [[key, value]];
}

function locationOf({ attributes, suites }: JUnitCase): SourceLocation | undefined {
  const file = attributes.file ?? suites.at(-1)?.attributes.file;
  if (file === undefined || file === '') return undefined;
  const line = Number(attributes.line ?? attributes.lineno);
  return { file, line: Number.isInteger(line) && line > 0 ? line : undefined };
}

/** Returns the attempt that the test case itself describes. */
function ownAttempt({ verdicts, attributes, output }: JUnitCase, { outcome }: CaseReading) {
  const own = verdicts.filter(({ kind }) => !/^(flaky|rerun)/.test(kind));
  const failure = own.find(({ kind }) => kind !== 'skipped');
  return {
    outcome,
    durationMs: millisecondsOf(attributes.time),
    startTimeMs: zonedTimeOf(attributes.timestamp),
    summary: own.map(summaryOf).join('\n\n'),
    errorMessage: failure?.attributes.message,
    output,
    tags: pair('failure_type', failure?.attributes.type),
  };
}

function attemptOf(verdict: Verdict, { isTest }: CaseReading) {
  const isError = verdict.kind.endsWith('Error') || !isTest;
  const outcome: ExecutionOutcome = isError ? 'crash' : 'fail';
  return {
    outcome,
    durationMs: millisecondsOf(verdict.attributes.time),
    startTimeMs: zonedTimeOf(verdict.attributes.timestamp),
    summary: summaryOf(verdict),
    errorMessage: verdict.attributes.message,
    tags: pair('failure_type', verdict.attributes.type),
  };
}

/** Most producers begin the text with the message. */
function summaryOf({ attributes, text }: Verdict): string {
  const message = (attributes.message ?? attributes.type ?? '').trim();
  if (message === '' || text.includes(message)) return text;
  return text === '' ? message : `${message}\n${text}`;
}
