/**
 * Reads GoogleTest's JSON (`--gtest_output=json`), one test at a time.
 *
 * - Disabled tests (`NOTRUN`) count as skipped. Several failures of one test are one failed test.
 * - A suite whose set-up or tear-down failed is a separate failure, and not a test.
 * - GoogleTest writes each byte of UTF-8 as a separate character; texts that can be read so are
 *   corrected.
 */
import type { Execution, ExecutionOutcome, FormatSink } from '../execution.ts';
import type { FormatReader, ReportFormat } from '../report.ts';
import { amountOf, type Fields, isFields, textOf } from './json-fields.ts';
import { type JsonPath, JsonValues } from './json-values.ts';

/** The fields that GoogleTest itself writes for a test; the test has recorded all others. */
const OWN_FIELDS = new Set([
  'name',
  'file',
  'line',
  'status',
  'result',
  'timestamp',
  'time',
  'classname',
  'failures',
  'skipped',
]);

export const googleTestJson: ReportFormat = {
  name: 'googletest-json',
  detect: (head) => /^\s*\{/.test(head) && /"testsuites"\s*:\s*\[/.test(head),
  open: (sink) => new GoogleTestJsonReader(sink),
};

class GoogleTestJsonReader implements FormatReader {
  readonly dialect = 'googletest';
  readonly #sink: FormatSink;
  readonly #json: JsonValues;
  #hasSuites = false;
  #suite = '';

  constructor(sink: FormatSink) {
    this.#sink = sink;
    this.#json = new JsonValues({
      descends: (path) => this.#descends(path),
      onValue: (path, value, line) => this.#value(path, value, line),
    });
  }

  push(chunk: string): void {
    this.#json.push(chunk);
  }

  end(): void {
    this.#json.end();
    if (!this.#hasSuites) this.#sink.error(1, 'a GoogleTest report needs an array testsuites');
  }

  #descends(path: JsonPath): boolean {
    if (path.length === 0) return true;
    if (path[0] !== 'testsuites' || path.length > 3) return false;
    this.#hasSuites = true;
    return path.length < 3 || path[2] === 'testsuite';
  }

  #value(path: JsonPath, value: unknown, line: number): void {
    if (path[0] !== 'testsuites') return;
    if (path.length === 3 && path[2] === 'name') this.#suite = text(value);
    if (path.length !== 4 || path[2] !== 'testsuite') return;
    if (isFields(value) && typeof value.name === 'string') this.#test(value, line);
    else
      this.#sink.error(line, `an entry of the suite ${this.#suite} is not a test: it has no name`);
  }

  #test(test: Fields, line: number): void {
    const name = text(test.name);
    const outcome = outcomeOf(test);
    if (!outcome) {
      const status = `${text(test.status)} ${text(test.result)}`;
      this.#sink.error(line, `the test ${name} has the status ${JSON.stringify(status)}`);
      return;
    }
    // GoogleTest writes the failed set-up of a suite as a test without a name.
    const isTest = name !== '';
    this.#sink.execution({
      suite: [text(test.classname) || this.#suite],
      name: name || 'SetUpTestSuite or TearDownTestSuite',
      isTest,
      round: 1,
      outcome: isTest || outcome !== 'fail' ? outcome : 'crash',
      durationMs: secondsAsMs(test.time),
      startTimeMs: startOf(test),
      summary: outcome === 'pass' ? '' : summaryOf(test),
      skippedBy: test.status === 'NOTRUN' ? 'declaration' : 'test',
      tags: tagsOf(test),
      location: locationOf(test),
      line,
    });
  }
}

function outcomeOf(test: Fields): ExecutionOutcome | undefined {
  if (Array.isArray(test.failures) && test.failures.length > 0) return 'fail';
  if (test.status === 'NOTRUN' || test.result === 'SKIPPED' || test.result === 'SUPPRESSED') {
    return 'skip';
  }
  return test.result === 'COMPLETED' ? 'pass' : undefined;
}

function summaryOf(test: Fields): string {
  const failures = [test.failures, test.skipped].flatMap((list) =>
    Array.isArray(list) ? list : [],
  );
  return failures
    .filter(isFields)
    .map((entry) => text(entry.failure) || text(entry.message))
    .join('\n\n');
}

function tagsOf(test: Fields): Execution['tags'] {
  return Object.entries(test)
    .filter(([key, value]) => !OWN_FIELDS.has(key) && typeof value === 'string')
    .map(([key, value]) => [key, text(value)]);
}

function locationOf(test: Fields): Execution['location'] {
  const file = text(test.file);
  if (file === '') return undefined;
  return { file, line: amountOf(test.line) };
}

function secondsAsMs(time: unknown): number | undefined {
  const match = /^(\d+(?:\.\d+)?)s$/.exec(text(time));
  return match ? Number(match[1]) * 1000 : undefined;
}

/** A test that did not run has the time 0. */
function startOf(test: Fields): number | undefined {
  const start = Date.parse(text(test.timestamp));
  return start > 0 ? start : undefined;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Returns the text that GoogleTest meant: it writes the bytes of UTF-8 as characters. */
function text(value: unknown): string {
  const written = textOf(value);
  const bytes = Buffer.from(written, 'latin1');
  if (bytes.toString('latin1') !== written) return written; // not bytes, so it was text already
  try {
    return utf8.decode(bytes);
  } catch {
    return written;
  }
}
