/**
 * Reads what a test runner printed (standard input) and writes expected.json: the counts as the
 * runner itself put them, never as a report's reader would. scripts/make-report-fixtures.sh calls
 * it. A summary that does not read as expected is an error, so that no count is made up.
 */
import { writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';

interface Counts {
  tests: number;
  passed: number;
  failed: number;
  errored: number;
  skipped: number;
  flaky: number;
}

/** Says how to read the counts from one runner's closing lines. */
interface Summary {
  readonly lines: RegExp;
  readonly count: (summary: string, output: string) => Omit<Counts, 'flaky'> & { flaky?: number };
}

const SUMMARIES: Readonly<Record<string, Summary>> = {
  pytest: {
    lines: /^(?=.*\d+ (failed|passed)).* in [\d.]+s.*$/gm,
    count: (line) => {
      const passed = number(line, / (\d+) passed/) + number(line, /(\d+) xpassed/);
      const failed = number(line, /(\d+) failed/);
      const errored = number(line, /(\d+) errors?/);
      const skipped = number(line, /(\d+) skipped/) + number(line, /(\d+) xfailed/);
      return { tests: passed + failed + errored + skipped, passed, failed, errored, skipped };
    },
  },
  vitest: {
    lines: /^ *Tests +.*\(\d+\)$/gm,
    count: (line) => ({
      tests: required(line, /\((\d+)\)/),
      passed: number(line, /(\d+) passed/) + number(line, /(\d+) expected fail/),
      failed: number(line, /(\d+) failed/),
      errored: 0,
      skipped: number(line, /(\d+) skipped/) + number(line, /(\d+) todo/),
    }),
  },
  jest: {
    lines: /^Tests: .*total$/gm,
    count: (line) => ({
      tests: required(line, /(\d+) total/),
      passed: number(line, /(\d+) passed/),
      failed: number(line, /(\d+) failed/),
      errored: 0,
      skipped: number(line, /(\d+) skipped/) + number(line, /(\d+) todo/),
    }),
  },
  mocha: {
    lines: /^ *\d+ (passing|pending|failing).*$/gm,
    count: (lines) => {
      const passed = number(lines, /(\d+) passing/);
      const failed = number(lines, /(\d+) failing/);
      const skipped = number(lines, /(\d+) pending/);
      return { tests: passed + failed + skipped, passed, failed, errored: 0, skipped };
    },
  },
  playwright: {
    lines: /^ +\d+ (failed|flaky|skipped|did not run|interrupted|passed( \(.*\))?)$/gm,
    count: (lines) => {
      const flaky = number(lines, /(\d+) flaky/);
      const failed = number(lines, /(\d+) failed/) + number(lines, /(\d+) interrupted/);
      const skipped = number(lines, /(\d+) skipped/) + number(lines, /(\d+) did not run/);
      const passed = required(lines, /(\d+) passed/) + flaky;
      return { tests: passed + failed + skipped, passed, failed, errored: 0, skipped, flaky };
    },
  },
  'node-test': {
    lines: /^ℹ (tests|suites|pass|fail|cancelled|skipped|todo) \d+$/gm,
    count: (lines) => ({
      tests: required(lines, /tests (\d+)/),
      passed: required(lines, /pass (\d+)/),
      failed: required(lines, /fail (\d+)/) + required(lines, /cancelled (\d+)/),
      errored: 0,
      skipped: required(lines, /skipped (\d+)/) + required(lines, /todo (\d+)/),
    }),
  },
  tape: {
    lines: /^# (tests|pass|fail) +\d+$/gm,
    count: (lines) => ({
      tests: required(lines, /tests +(\d+)/),
      passed: required(lines, /pass +(\d+)/),
      failed: number(lines, /fail +(\d+)/),
      errored: 0,
      skipped: 0,
    }),
  },
  prove: {
    lines: /^(Files=.*|Result: .*|t\/.*Failed: \d+\)|.*less \d+ skipped.*)$/gm,
    count: (lines, output) => {
      const tests = required(lines, /Tests=(\d+)/);
      const failed = sum(lines, /Failed: (\d+)\)/g);
      // prove prints the number of skipped points only for a failing file, and never the
      // number of failed todo points: those come from the runs of the files.
      const skipped = sum(output, /less (\d+) skipped/g);
      return { tests, passed: tests - failed - skipped, failed, errored: 0, skipped };
    },
  },
  gotestsum: {
    lines: /^DONE .*$/gm,
    count: (line, output) => {
      const tests = required(line, /(\d+) tests/);
      const skipped = number(line, /(\d+) skipped/);
      // Its "failures" also count packages, which the list names without a test.
      const failed = (output.match(/^=== FAIL: \S+ \S+ /gm) ?? []).length;
      const errored = number(line, /(\d+) errors?/);
      return { tests, passed: tests - failed - skipped, failed, errored, skipped };
    },
  },
  'gotestsum-reruns': {
    lines: /^(DONE .*|.*: \d+ runs, \d+ failures)$/gm,
    count: (lines) => {
      // The first DONE line is that of the run before any rerun, with each test once.
      const first = lines.split('\n')[0] ?? '';
      const reruns = [...lines.matchAll(/: (\d+) runs, (\d+) failures/g)];
      const failed = reruns.filter(([, runs, failures]) => runs === failures).length;
      const tests = required(first, /(\d+) tests/);
      const skipped = number(first, /(\d+) skipped/);
      const passed = tests - failed - skipped;
      return { tests, passed, failed, errored: 0, skipped, flaky: reruns.length - failed };
    },
  },
  surefire: {
    lines: /^\[ERROR\] Tests run: \d+, Failures: \d+, Errors: \d+, Skipped: \d+(, Flakes: \d+)?$/gm,
    count: (line) => {
      const tests = required(line, /Tests run: (\d+)/);
      const failed = required(line, /Failures: (\d+)/);
      const errored = required(line, /Errors: (\d+)/);
      const skipped = required(line, /Skipped: (\d+)/);
      const passed = tests - failed - errored - skipped;
      return { tests, passed, failed, errored, skipped, flaky: number(line, /Flakes: (\d+)/) };
    },
  },
  'cargo-nextest': {
    lines: /^ *Summary .*$/gm,
    count: (line) => {
      const skipped = number(line, /(\d+) skipped/);
      const tests = required(line, /(\d+) tests run/) + skipped;
      const passed = required(line, /(\d+) passed/);
      const failed = tests - skipped - passed;
      return { tests, passed, failed, errored: 0, skipped, flaky: number(line, /(\d+) flaky/) };
    },
  },
  googletest: {
    lines:
      /^(\[=+\] \d+ tests .* ran.*|\[ +(PASSED|SKIPPED|FAILED) +\] \d+ tests?.*| *YOU HAVE .*)$/gm,
    count: (lines) => {
      const disabled = number(lines, /YOU HAVE (\d+) DISABLED/);
      return {
        tests: required(lines, /\] (\d+) tests from .* ran/) + disabled,
        passed: required(lines, /PASSED +\] (\d+)/),
        failed: number(lines, /FAILED +\] (\d+)/),
        errored: 0,
        skipped: number(lines, /SKIPPED +\] (\d+)/) + disabled,
      };
    },
  },
  ctest: {
    lines: /^(\d+% tests passed.*|\t *\d+ - .*\((Skipped|Disabled)\))$/gm,
    count: (lines) => {
      // "out of" leaves out disabled tests, and counts skipped ones as passed.
      const disabled = (lines.match(/\(Disabled\)$/gm) ?? []).length;
      const skipped = (lines.match(/\(Skipped\)$/gm) ?? []).length + disabled;
      const tests = required(lines, /out of (\d+)/) + disabled;
      const failed = required(lines, /(\d+) tests failed/);
      return { tests, passed: tests - failed - skipped, failed, errored: 0, skipped };
    },
  },
};

const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    runner: { type: 'string' },
    format: { type: 'string' },
    dialect: { type: 'string' },
    command: { type: 'string' },
    version: { type: 'string', multiple: true, default: [] },
    /** The number of flaky tests in the project, if the runner does not print it. */
    flaky: { type: 'string' },
    /** A sentence about the facts of the run that the report does not show. */
    hidden: { type: 'string', default: '' },
    /** In JSON, the counts that differ because of those facts if only the file is read. */
    'file-counts': { type: 'string', default: '' },
    /** The number of failures outside of tests, as far as the report shows them. */
    'other-failures': { type: 'string', default: '0' },
    /** Says why results are missing, in the words of ingest. */
    incomplete: { type: 'string', multiple: true, default: [] },
  },
});

const output = await text(process.stdin);
const summary = SUMMARIES[values.runner ?? ''];
if (!summary || !values.out) throw new Error(`no summary is known for ${values.runner}`);
const lines = [...output.matchAll(summary.lines)].map(([line]) => line.trim());
if (lines.length === 0) throw new Error(`${values.runner}: no summary in:\n${output.slice(-2000)}`);
const { flaky = Number(values.flaky ?? 0), ...counts } = summary.count(lines.join('\n'), output);
const fileCounts = values['file-counts'];

const expected = {
  runner: values.runner,
  format: values.format,
  dialect: values.dialect,
  command: values.command,
  versions: Object.fromEntries(values.version.map((pair) => pair.split('='))),
  summary_line: lines.join(' / '),
  counts: { ...counts, flaky } satisfies Counts,
  hidden: values.hidden,
  other_failures: Number(values['other-failures']),
  incomplete: values.incomplete,
  ...(fileCounts === '' ? {} : { file_counts: { ...counts, flaky, ...JSON.parse(fileCounts) } }),
};
writeFileSync(values.out, `${JSON.stringify(expected, null, 2)}\n`);
console.log(`   ${expected.summary_line}\n   ${JSON.stringify(expected.counts)}`);

function number(from: string, pattern: RegExp): number {
  return Number(pattern.exec(from)?.[1] ?? 0);
}

function required(from: string, pattern: RegExp): number {
  const found = pattern.exec(from)?.[1];
  if (found === undefined) throw new Error(`${pattern} is not in: ${from}`);
  return Number(found);
}

function sum(from: string, pattern: RegExp): number {
  return [...from.matchAll(pattern)].reduce((total, match) => total + Number(match[1]), 0);
}
