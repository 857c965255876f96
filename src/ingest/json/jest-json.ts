/**
 * Reads the JSON of Jest (`--json`) and of Vitest (`--reporter=json`), one test at a time.
 *
 * - The report names the file after its tests, so the tests of one file wait for the end of its entry.
 * - If a file failed without a failing test, it did not load or one of its hooks broke. That is a separate
 *   failure, and not a test.
 * - Jest counts the attempts of a test (`invocations`); Vitest shows the failures before a pass.
 */
import { isAbsolute, relative } from 'node:path';
import { excerptOf } from '../excerpt.ts';
import { type Execution, type ExecutionOutcome, type FormatSink, notATest } from '../execution.ts';
import { type FormatReader, ReportDamage, type ReportFormat } from '../report.ts';
import { amountOf, type Fields, isFields, textOf } from './json-fields.ts';
import { type JsonPath, JsonValues } from './json-values.ts';

/** The limit of attempts, as a report may claim any number. */
const MAX_ATTEMPTS = 100;
/** The limit of tests in one file, far above any file that was written by hand. */
const MAX_WAITING = 200_000;
/** The limit of characters in the failures of one file. */
const MAX_MESSAGE = 2048;
const MAX_WAITING_LENGTH = 32 * 1024 * 1024;

export const jestJson: ReportFormat = {
  name: 'jest-json',
  detect: (head) => /^\s*\{/.test(head) && /"num(Total|Failed)TestSuites"\s*:/.test(head),
  open: (sink, head, root) => new JestJsonReader(sink, head, root),
};

type Waiting = Omit<Execution, 'suite' | 'location'>;

class JestJsonReader implements FormatReader {
  readonly dialect: string;
  readonly #sink: FormatSink;
  readonly #root: string | undefined;
  readonly #json: JsonValues;
  #hasResults = false;
  #claimed: { readonly tests: number; readonly line: number } | undefined;
  #tests = 0;
  #waiting: Waiting[] = [];
  #waitingLength = 0;
  #file: Fields & { line?: number } = {};

  constructor(sink: FormatSink, head: string, root: string | undefined) {
    this.#sink = sink;
    this.#root = root;
    this.dialect = /"numRuntimeErrorTestSuites"\s*:/.test(head) ? 'jest' : 'vitest';
    this.#json = new JsonValues({
      descends: (path) => this.#descends(path),
      onValue: (path, value, line) => this.#value(path, value, line),
      onEnd: (path) => {
        if (path.length === 2 && path[0] === 'testResults') this.#endFile();
      },
    });
  }

  push(chunk: string): void {
    this.#json.push(chunk);
  }

  end(): void {
    this.#json.end();
    if (!this.#hasResults) this.#sink.error(1, 'a Jest report needs an array testResults');
    const { tests = 0, line = 1 } = this.#claimed ?? {};
    if (tests > this.#tests) {
      this.#sink.error(line, `the report says ${tests} tests, but there are only ${this.#tests}`);
    }
  }

  #descends(path: JsonPath): boolean {
    if (path.length === 0) return true;
    if (path[0] !== 'testResults' || path.length > 3) return false;
    this.#hasResults = true;
    return path.length < 3 || path[2] === 'assertionResults';
  }

  #value(path: JsonPath, value: unknown, line: number): void {
    if (path.length === 1 && path[0] === 'numTotalTests') {
      this.#claimed = { tests: amountOf(value) ?? 0, line };
    }
    if (path[0] !== 'testResults') return;
    if (path.length === 2) this.#sink.error(line, 'an entry of testResults is not an object');
    if (path.length === 3) this.#fileField(String(path[2]), value, line);
    if (path.length === 4 && path[2] === 'assertionResults') this.#test(value, line);
  }

  #fileField(key: string, value: unknown, line: number): void {
    if (key !== 'name' && key !== 'status' && key !== 'message') return;
    this.#file = { ...this.#file, [key]: excerptOf(textOf(value)), line: this.#file.line ?? line };
  }

  #test(test: unknown, line: number): void {
    this.#tests += 1;
    if (!isFields(test) || typeof test.title !== 'string') {
      this.#sink.error(line, `test ${this.#tests} has no title`);
      return;
    }
    const outcome = outcomeOf(test.status);
    if (!outcome) {
      const status = JSON.stringify(test.status)?.slice(0, 80);
      this.#sink.error(line, `test ${this.#tests} has the status ${status}`);
      return;
    }
    for (const attempt of attemptsOf(test, outcome, line)) this.#wait(attempt);
  }

  #wait(attempt: Waiting): void {
    this.#waitingLength += attempt.summary.length + attempt.name.length;
    if (this.#waiting.length >= MAX_WAITING || this.#waitingLength > MAX_WAITING_LENGTH) {
      throw new ReportDamage(attempt.line, 'one file has more tests than can be kept');
    }
    this.#waiting.push(attempt);
  }

  #endFile(): void {
    const { name, status, message, line = 1 } = this.#file;
    const path = textOf(name);
    const suite = [this.#inRoot(path)];
    const location = path === '' ? undefined : { file: path, line: undefined };
    const hasFailed = this.#waiting.some(({ outcome }) => outcome === 'fail');
    for (const waiting of this.#waiting) this.#sink.execution({ ...waiting, suite, location });
    if (status === 'failed' && !hasFailed) {
      const summary = textOf(message);
      const failure = { suite, name: 'file', outcome: 'crash' as const, summary, location, line };
      this.#sink.execution(notATest(failure));
    }
    this.#waiting = [];
    this.#waitingLength = 0;
    this.#file = {};
  }

  /** Names of tests must not depend on the path of the repository. */
  #inRoot(path: string): string {
    if (this.#root === undefined || !isAbsolute(path)) return path;
    const inside = relative(this.#root, path);
    return inside === '' || inside.startsWith('..') ? path : inside.replaceAll('\\', '/');
  }
}

function outcomeOf(status: unknown): ExecutionOutcome | undefined {
  if (status === 'passed') return 'pass';
  if (status === 'failed') return 'fail';
  const isSkipped = ['skipped', 'pending', 'todo', 'disabled'].includes(textOf(status));
  return isSkipped ? 'skip' : undefined;
}

/**
 * Returns the attempts in the order of the run; the last one counts. Vitest says `skipped` of tests that have
 * skipped themselves as well.
 */
function attemptsOf(test: Fields, outcome: ExecutionOutcome, line: number): readonly Waiting[] {
  const failures = textsOf(test.failureMessages);
  const earlier = outcome === 'skip' ? [] : earlierFailures(test, outcome, failures);
  const last = {
    name: [...textsOf(test.ancestorTitles), textOf(test.title)].join(' > '),
    isTest: true,
    round: earlier.length + 1,
    outcome,
    durationMs: amountOf(test.duration),
    startTimeMs: amountOf(test.startAt) || undefined,
    summary: outcome === 'pass' ? '' : excerptOf(failures.join('\n\n')),
    errorMessage: outcome === 'fail' ? messageOf(failures[0] ?? '') : undefined,
    skippedBy: test.status === 'skipped' ? undefined : ('declaration' as const),
    tags: tagsOf(test),
    line,
  };
  const unknown = { durationMs: undefined, startTimeMs: undefined };
  const failed = earlier.map((text, index) => {
    const summary = excerptOf(text) || 'The report says only that this attempt failed.';
    const errorMessage = messageOf(text);
    const own = { outcome: 'fail' as const, round: index + 1, summary, errorMessage };
    return { ...last, ...unknown, ...own };
  });
  return [...failed, last];
}

/** Returns the message without the trace that follows it. */
function messageOf(failure: string): string {
  return excerptOf((failure.split(/\n(?:[^\S\n]+|\n)at /, 1)[0] ?? '').trimEnd(), MAX_MESSAGE);
}

/** Returns the failure of each attempt before the last; empty if the report does not have it. */
function earlierFailures(
  test: Fields,
  outcome: ExecutionOutcome,
  failures: readonly string[],
): readonly string[] {
  const reasons = textsOf(test.retryReasons);
  const claimed = (amountOf(test.invocations) ?? 1) - 1;
  // Only if the test passed are its failures those of attempts, and not several of one attempt.
  const told = outcome === 'pass' && reasons.length === 0 ? failures : reasons;
  const count = Math.min(Math.max(claimed, told.length), MAX_ATTEMPTS - 1);
  return Array.from({ length: count }, (_, index) => told[index] ?? '');
}

function tagsOf(test: Fields): Execution['tags'] {
  const tags = textsOf(test.tags).map((tag) => ['tag', tag] as const);
  return test.status === 'todo' ? [['todo', 'true'], ...tags] : tags;
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
