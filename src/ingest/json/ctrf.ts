/**
 * Reads CTRF (Common Test Report Format), one test at a time.
 *
 * - Types are checked test by test. A test without a name or with a status that CTRF does not know is lost,
 *   which is an error; an odd duration or line is left out, with a warning.
 * - `retries` and `flaky` say that earlier attempts failed. The attempts are those of `retryAttempts`; if
 *   there are none, it is known only that they failed.
 * - `pending` means skipped. `other` depends on `rawStatus`: todo is skipped, interrupted is aborted.
 */
import type { Execution, ExecutionOutcome, FormatSink } from '../execution.ts';
import type { FormatReader, ReportFormat } from '../report.ts';
import { amountOf, type Fields, isFields, textOf } from './json-fields.ts';
import { type JsonPath, JsonValues } from './json-values.ts';

/** The limit of retries, as a report may claim any number. */
const MAX_ATTEMPTS = 100;

export const ctrf: ReportFormat = {
  name: 'ctrf-json',
  detect: (head) =>
    /^\s*\{/.test(head) &&
    (/"reportFormat"\s*:\s*"CTRF"/.test(head) ||
      /"results"\s*:\s*\{\s*"(tool|summary|tests|environment)"\s*:/.test(head)),
  open: (sink) => new CtrfReader(sink),
};

class CtrfReader implements FormatReader {
  readonly #sink: FormatSink;
  readonly #json: JsonValues;
  #dialect = 'generic';
  #tests = 0;
  #hasTests = false;
  #hasUnknownOther = false;
  #failed = 0;
  #claimed: { readonly tests: number; readonly failed: number; readonly line: number } | undefined;

  constructor(sink: FormatSink) {
    this.#sink = sink;
    this.#json = new JsonValues({
      descends: (path) => {
        if (isAt(path, 'results', 'tests')) this.#hasTests = true;
        return path.length === 0 || isAt(path, 'results') || isAt(path, 'results', 'tests');
      },
      onValue: (path, value, line) => this.#value(path, value, line),
    });
  }

  /** The tool that ran the tests, known once its name has been read. */
  get dialect(): string {
    return this.#dialect;
  }

  push(chunk: string): void {
    this.#json.push(chunk);
  }

  end(): void {
    this.#json.end();
    if (!this.#hasTests) this.#sink.error(1, 'a CTRF report has an array results.tests');
    this.#checkSummary();
  }

  /** If the summary claims more than the file holds, results are missing. */
  #checkSummary(): void {
    if (!this.#claimed) return;
    const { tests, failed, line } = this.#claimed;
    const held = { tests: this.#tests, failed: this.#failed };
    if (tests > held.tests) {
      this.#sink.error(line, `the summary says ${tests} tests, but there are only ${held.tests}`);
    } else if (tests < held.tests) {
      this.#sink.warning(line, `the summary says ${tests} tests, but there are ${held.tests}`);
    }
    if (failed > held.failed) {
      const message = `the summary says that ${failed} tests failed, but only ${held.failed} did`;
      this.#sink.error(line, message);
    }
  }

  #value(path: JsonPath, value: unknown, line: number): void {
    if (path.length === 3 && isAt(path.slice(0, 2), 'results', 'tests')) this.#test(value, line);
    if (!isFields(value)) return;
    if (isAt(path, 'results', 'tool')) this.#dialect = textOf(value.name).slice(0, 64) || 'generic';
    if (isAt(path, 'results', 'summary')) this.#summary(value, line);
  }

  #summary({ tests, failed }: Fields, line: number): void {
    if (typeof tests === 'number') this.#claimed = { tests, failed: amountOf(failed) ?? 0, line };
    else this.#sink.warning(line, 'summary.tests is not a number');
  }

  #test(value: unknown, line: number): void {
    this.#tests += 1;
    const nth = `test ${this.#tests}`;
    if (!isFields(value)) {
      this.#sink.error(line, `${nth} is not an object`);
      return;
    }
    const { name } = value;
    if (typeof name !== 'string') {
      this.#sink.error(line, `${nth} has no name`);
      return;
    }
    const outcome = this.#outcome(value, line);
    if (!outcome) {
      this.#sink.error(line, `${nth} has the status ${JSON.stringify(value.status)?.slice(0, 80)}`);
      return;
    }
    this.#checkTypes(value, nth, line);
    if (outcome !== 'pass' && outcome !== 'skip') this.#failed += 1;
    this.#executions(this.#execution(value, { name, outcome, line }), value);
  }

  /** Returns the attempts in order; the last one counts. */
  #executions(last: Execution, test: Fields): void {
    const failed = last.outcome === 'skip' ? [] : failedAttempts(test, last);
    failed.forEach((attempt, index) => {
      this.#sink.execution({ ...attempt, round: index + 1 });
    });
    this.#sink.execution({ ...last, round: failed.length + 1 });
  }

  #execution(
    test: Fields,
    { line, name, outcome }: Pick<Execution, 'line' | 'name' | 'outcome'>,
  ): Execution {
    const file = textOf(test.filePath);
    return {
      suite: suiteOf(test.suite, name),
      name,
      isTest: true,
      round: 1,
      outcome,
      durationMs: amountOf(test.duration),
      startTimeMs: amountOf(test.start),
      summary: outcome === 'pass' ? '' : summaryOf(test),
      errorMessage: textOf(test.message),
      tags: tagsOf(test),
      location: file === '' ? undefined : { file, line: amountOf(test.line) },
      line,
    };
  }

  #outcome(test: Fields, line: number): ExecutionOutcome | undefined {
    if (test.status !== 'other') return outcomeOf(test.status);
    const outcome = outcomeOfRawStatus(textOf(test.rawStatus));
    if (outcome) return outcome;
    if (!this.#hasUnknownOther) {
      this.#sink.warning(
        line,
        `the status "other" (${textOf(test.rawStatus).slice(0, 80)}) is read as skipped`,
      );
    }
    this.#hasUnknownOther = true;
    return 'skip';
  }

  #checkTypes(test: Fields, nth: string, line: number): void {
    for (const key of ['duration', 'start', 'line', 'retries']) {
      if (test[key] !== undefined && amountOf(test[key]) === undefined) {
        this.#sink.warning(line, `${nth}: ${key} is not a number of 0 or more`);
      }
    }
  }
}

function failedAttempts(test: Fields, last: Execution): Execution[] {
  const told = Array.isArray(test.retryAttempts) ? test.retryAttempts.filter(isFields) : [];
  const failed = told.filter(({ status }) => status !== 'passed').length;
  const isFlaky = test.flaky === true && last.outcome === 'pass';
  const claimed = Math.max(Math.floor(amountOf(test.retries) ?? failed), isFlaky ? 1 : 0);
  return Array.from({ length: Math.min(claimed, MAX_ATTEMPTS - 1) }, (_, index) => {
    const attempt = told.find((one) => one.attempt === index + 1) ?? told[index];
    return {
      ...last,
      outcome: 'fail',
      durationMs: amountOf(attempt?.duration),
      startTimeMs: amountOf(attempt?.start),
      errorMessage: textOf(attempt?.message),
      summary: attempt ? summaryOf(attempt) : 'The report says only that this attempt failed.',
    };
  });
}

function outcomeOf(status: unknown): ExecutionOutcome | undefined {
  if (status === 'passed') return 'pass';
  if (status === 'failed') return 'fail';
  return status === 'skipped' || status === 'pending' ? 'skip' : undefined;
}

function outcomeOfRawStatus(raw: string): ExecutionOutcome | undefined {
  if (/^(todo|disabled|focused|xfail(ed)?|ignored)$/i.test(raw)) return 'skip';
  if (/^(xpass(ed)?|expected)$/i.test(raw)) return 'pass';
  if (/interrupt|cancel|time.?out|timed.?out|abort/i.test(raw)) return 'abort';
  return /error|broken|crash/i.test(raw) ? 'crash' : undefined;
}

function summaryOf(test: Fields): string {
  const message = textOf(test.message);
  const trace = textOf(test.trace);
  // Traces usually begin with the message.
  return trace.includes(message)
    ? trace
    : [message, trace].filter((part) => part !== '').join('\n');
}

/** Newer versions write a list and older ones a text; some producers repeat the name there. */
function suiteOf(suite: unknown, name: string): string[] {
  if (Array.isArray(suite)) return suite.filter((part) => typeof part === 'string');
  return typeof suite === 'string' && suite !== name ? [suite] : [];
}

function tagsOf(test: Fields): (readonly [string, string])[] {
  const tags = Array.isArray(test.tags) ? test.tags.filter((tag) => typeof tag === 'string') : [];
  const pairs: [string, string][] = tags.map((tag) => ['tag', tag]);
  for (const key of ['type', 'rawStatus', 'browser', 'device', 'threadId']) {
    const value = textOf(test[key]);
    if (value !== '' && value !== test.status) pairs.push([key, value]);
  }
  return pairs;
}

function isAt(path: JsonPath, ...keys: readonly string[]): boolean {
  return path.length === keys.length && keys.every((key, index) => path[index] === key);
}
