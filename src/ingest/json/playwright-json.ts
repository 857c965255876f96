/**
 * Reads the JSON of Playwright (`--reporter=json`), one test at a time.
 *
 * - A test runs once in each project: the project is part of its results' variant.
 * - Each result of a test is an attempt. As in Playwright's own counts, a test that is expected to fail
 *   passes if it fails, and fails if it passes.
 * - A test that did not run because an earlier one failed counts as skipped: the report does not distinguish
 *   the two. A failure outside of tests (`errors`) is a separate failure.
 */
import { type FormatSink, notATest } from '../execution.ts';
import { type FormatReader, ReportDamage, type ReportFormat } from '../report.ts';
import { amountOf, type Fields, isFields, textOf } from './json-fields.ts';
import { type JsonPath, JsonValues } from './json-values.ts';
import { attemptsOf, errorLocationOf, messageOf, tagsOf } from './playwright-test.ts';

/** Deeper than any project nests blocks. */
const MAX_DEPTH = 100;

export const playwrightJson: ReportFormat = {
  name: 'playwright-json',
  detect: (head) =>
    /^\s*\{\s*"config"\s*:\s*\{/.test(head) &&
    /"(configFile|rootDir|forbidOnly|fullyParallel)"\s*:/.test(head),
  open: (sink) => new PlaywrightJsonReader(sink),
};

interface SpecEntry {
  readonly spec: Fields;
  readonly title: string;
  readonly line: number;
}

class PlaywrightJsonReader implements FormatReader {
  readonly dialect = 'playwright';
  readonly #sink: FormatSink;
  readonly #json: JsonValues;
  /** The titles of the open blocks; the file comes first. */
  readonly #titles: string[] = [];
  readonly #projects = new Map<string, number>();
  #rootDir = '';
  #hasSuites = false;
  #tests = 0;
  #claimed: { readonly tests: number; readonly line: number } | undefined;

  constructor(sink: FormatSink) {
    this.#sink = sink;
    this.#json = new JsonValues({
      descends: (path) => this.#descends(path),
      onValue: (path, value, line) => this.#value(path, value, line),
      onEnd: (path) => {
        if (path.at(-2) === 'suites') this.#titles.length = path.length / 2 - 1;
      },
    });
  }

  push(chunk: string): void {
    this.#json.push(chunk);
  }

  end(): void {
    this.#json.end();
    if (!this.#hasSuites) this.#sink.error(1, 'a Playwright report needs an array suites');
    const { tests = 0, line = 1 } = this.#claimed ?? {};
    if (tests > this.#tests) {
      this.#sink.error(line, `the report says ${tests} tests, but there are only ${this.#tests}`);
    }
  }

  /** Suites nest to any depth, and hold specs. */
  #descends(path: JsonPath): boolean {
    if (path.length === 0) return true;
    if (path.length === 1)
      return path[0] === 'config' || path[0] === 'errors' || this.#isSuites(path);
    if (path[0] !== 'suites') return false;
    if (path.length > 2 * MAX_DEPTH) throw new ReportDamage(1, 'blocks nest too deep');
    const last = path.at(-1);
    // Names of lists and positions in them alternate. An object in place of a list is one wrong value.
    if (path.length % 2 === 0) return typeof last === 'number' && path.at(-2) === 'suites';
    return last === 'suites' || last === 'specs';
  }

  #isSuites(path: JsonPath): boolean {
    if (path[0] === 'suites') this.#hasSuites = true;
    return path[0] === 'suites';
  }

  #value(path: JsonPath, value: unknown, line: number): void {
    if (path[0] === 'suites') this.#inSuites(path, value, line);
    else if (path[0] === 'errors' && path.length === 2) this.#failure(value, line);
    else if (path[0] === 'config' && path[1] === 'rootDir') this.#rootDir = textOf(value);
    else if (path[0] === 'stats' && isFields(value))
      this.#claimed = { tests: claimOf(value), line };
  }

  #inSuites(path: JsonPath, value: unknown, line: number): void {
    if (path.at(-2) === 'specs') this.#spec(value, line);
    else if (path.at(-1) === 'title' && path.length % 2 === 1)
      this.#titles[(path.length - 1) / 2 - 1] = textOf(value);
    else if (path.at(-2) === 'suites')
      this.#sink.error(line, 'an entry of suites is not an object');
  }

  #failure(error: unknown, line: number): void {
    const summary = isFields(error) ? messageOf(error) : '';
    const location = isFields(error) ? errorLocationOf(error) : undefined;
    this.#sink.execution(notATest({ name: 'error', outcome: 'crash', summary, location, line }));
  }

  #spec(spec: unknown, line: number): void {
    if (!isFields(spec) || typeof spec.title !== 'string' || !Array.isArray(spec.tests)) {
      this.#sink.error(line, `a spec of ${this.#titles.join(' > ')} has no title or no tests`);
      return;
    }
    const entry = { spec, title: spec.title, line };
    for (const test of spec.tests) this.#test(entry, test);
  }

  #test(entry: SpecEntry, test: unknown): void {
    const { line, spec, title } = entry;
    this.#tests += 1;
    const attempts = isFields(test) ? attemptsOf(test) : undefined;
    if (!isFields(test) || !attempts) {
      this.#sink.error(line, `the test ${title} has an unknown result`);
      return;
    }
    const shared = this.#shared(entry, test);
    const tags = tagsOf(spec, test);
    attempts.forEach((attempt, index) => {
      const execution = { ...shared, ...attempt, tags: [...tags, ...attempt.tags] };
      this.#sink.execution({ ...execution, round: index + 1 });
    });
  }

  #shared({ line, spec, title }: SpecEntry, test: Fields) {
    const file = textOf(spec.file);
    const project = textOf(test.projectName);
    const path = this.#rootDir === '' ? file : `${this.#rootDir}/${file}`;
    return {
      suite: Array.from(this.#titles, (name) => name ?? ''),
      name: title,
      isTest: true,
      container: this.#projectNumber(project),
      ...(project === '' ? {} : { variant: { project } }),
      location: file === '' ? undefined : { file: path, line: amountOf(spec.line) },
      line,
    };
  }

  #projectNumber(project: string): number {
    const known = this.#projects.get(project);
    if (known !== undefined) return known;
    this.#projects.set(project, this.#projects.size);
    return this.#projects.size - 1;
  }
}

/** Returns how many tests the report claims to hold. */
function claimOf({ expected, unexpected, flaky, skipped }: Fields): number {
  return [expected, unexpected, flaky, skipped].reduce<number>((sum, count) => {
    return sum + (amountOf(count) ?? 0);
  }, 0);
}
