/**
 * Reads `go test -json`, also as gotestsum writes it (`--jsonfile`, reruns included).
 *
 * - A parent of subtests counts as a test, as it does for Go.
 * - A package that starts again is a rerun: its tests are further attempts.
 * - A test that runs again while its package runs is a repetition (`-count`), not an attempt: Go
 *   fails the run if any of them fails.
 * - A test that never ended (timeout, exit, crash of the process) is aborted when its package ends.
 * - A package that fails although none of its tests did (build, TestMain, exit) is a separate failure,
 *   and not a test.
 * - Lines that are not events are noise, with one warning. If an event is damaged, or a package has no
 *   end, results are missing.
 */
import { Excerpt } from '../excerpt.ts';
import { type ExecutionOutcome, type FormatSink, notATest } from '../execution.ts';
import { type Line, LineSplitter } from '../line-splitter.ts';
import type { FormatReader, ReportFormat } from '../report.ts';
import { decodeGoTestEvent, type GoTestEvent, looksLikeGoTestEvent } from './go-test-events.ts';

interface RunningTest {
  readonly name: string;
  readonly startTimeMs: number | undefined;
  readonly line: number;
  readonly output: Excerpt;
  readonly tags: [string, string][];
}

interface PackageEnd {
  readonly outcome: ExecutionOutcome;
  readonly durationMs: number | undefined;
  readonly reason: string;
}

interface PackageRun {
  readonly name: string;
  readonly round: number;
  readonly line: number;
  readonly running: Map<string, RunningTest>;
  readonly output: Excerpt;
  hasFailedTest: boolean;
}

/** The number of builds whose output is kept for the packages that fail because of them. */
const MAX_FAILED_BUILDS = 1000;

export const goTestJson: ReportFormat = {
  name: 'go-test-json',
  detect: (head) => head.split('\n').some(looksLikeGoTestEvent),
  open: (sink) => new GoTestJsonReader(sink),
};

class GoTestJsonReader implements FormatReader {
  readonly dialect = 'go-test';
  readonly #sink: FormatSink;
  readonly #lines = new LineSplitter();
  readonly #packages = new Map<string, PackageRun>();
  /** How often each package has started, to recognize reruns. */
  readonly #rounds = new Map<string, number>();
  readonly #builds = new Map<string, Excerpt>();
  #noise: { readonly firstLine: number; count: number } | undefined;

  constructor(sink: FormatSink) {
    this.#sink = sink;
  }

  push(chunk: string): void {
    for (const line of this.#lines.push(chunk)) this.#line(line);
  }

  end(): void {
    for (const line of this.#lines.end()) this.#line(line);
    for (const run of this.#packages.values()) this.#cutOff(run);
    if (this.#rounds.size === 0) this.#sink.error(1, 'no package of go test begins in this file');
    if (!this.#noise) return;
    const { firstLine, count } = this.#noise;
    this.#sink.warning(firstLine, `lines that are not events of go test: ${count}, from here on`);
  }

  #line(line: Line): void {
    const event = line.isCutOff ? undefined : decodeGoTestEvent(line.text);
    if (event) this.#event(event, line.number);
    else if (looksLikeGoTestEvent(line.text)) this.#damaged(line);
    else if (!line.isClosed && line.text.startsWith('{')) this.#damaged(line);
    else if (line.text.trim() !== '') this.#addNoise(line.number);
  }

  #event(event: GoTestEvent, line: number): void {
    if (event.action === 'build-output') this.#addBuildOutput(event);
    else if (event.action === 'start') this.#startPackage(event.package, line);
    else if (event.test !== '') this.#testEvent(event, line);
    else if (event.package !== '') this.#packageEvent(event, line);
  }

  #testEvent(event: GoTestEvent, line: number): void {
    const run = this.#packages.get(event.package) ?? this.#startPackage(event.package, line);
    if (event.action === 'run') {
      this.#startTest(run, event, line);
      return;
    }
    const test = run.running.get(event.test);
    const outcome = outcomeOf(event.action);
    if (outcome) this.#endTest(run, event, test ?? newTest(event, line));
    else if (event.action === 'output')
      (test?.output ?? run.output).add(withoutMarks(event.output));
    else if (event.action === 'attr') test?.tags.push([event.key, event.value]);
  }

  #startTest(run: PackageRun, event: GoTestEvent, line: number): void {
    const lost = run.running.get(event.test);
    // The run in progress will never end, as the new one has taken its name.
    if (lost) this.#emit(run, lost, 'abort');
    run.running.set(event.test, newTest(event, line));
  }

  #endTest(run: PackageRun, event: GoTestEvent, test: RunningTest): void {
    const outcome = outcomeOf(event.action);
    if (!outcome) return;
    run.running.delete(event.test);
    if (outcome === 'fail') run.hasFailedTest = true;
    this.#emit(run, { ...test, durationMs: event.elapsedMs }, outcome);
  }

  #packageEvent(event: GoTestEvent, line: number): void {
    const run = this.#packages.get(event.package) ?? this.#startPackage(event.package, line);
    if (event.action === 'output') run.output.add(event.output);
    const outcome = outcomeOf(event.action);
    if (!outcome) return;
    this.#packages.delete(run.name);
    this.#abortRunning(run);
    if (outcome === 'fail' && !run.hasFailedTest) {
      const build = this.#builds.get(event.failedBuild)?.text ?? '';
      this.#emitPackage(run, { outcome: 'crash', durationMs: event.elapsedMs, reason: build });
    }
  }

  #cutOff(run: PackageRun): void {
    this.#sink.error(run.line, `package ${run.name} has no end in this stream`);
    this.#abortRunning(run);
    const reason = 'The report does not say how the package ended.';
    this.#emitPackage(run, { outcome: 'abort', durationMs: undefined, reason });
  }

  #startPackage(name: string, line: number): PackageRun {
    const unfinished = this.#packages.get(name);
    if (unfinished) this.#cutOff(unfinished);
    const round = (this.#rounds.get(name) ?? 0) + 1;
    this.#rounds.set(name, round);
    const output = new Excerpt();
    const run = { name, round, line, running: new Map(), output, hasFailedTest: false };
    this.#packages.set(name, run);
    return run;
  }

  #abortRunning(run: PackageRun): void {
    for (const test of run.running.values()) {
      run.hasFailedTest = true;
      this.#emit(run, test, 'abort');
    }
    run.running.clear();
  }

  #emit(
    run: PackageRun,
    test: RunningTest & { readonly durationMs?: number | undefined },
    outcome: ExecutionOutcome,
  ): void {
    this.#sink.execution({
      suite: [run.name],
      name: test.name,
      isTest: true,
      round: run.round,
      outcome,
      durationMs: test.durationMs,
      startTimeMs: test.startTimeMs,
      summary: summaryOf(outcome, test.output.text),
      skippedBy: 'test',
      tags: test.tags,
      location: undefined,
      line: test.line,
    });
  }

  #emitPackage(run: PackageRun, { durationMs, outcome, reason }: PackageEnd): void {
    this.#sink.execution(
      notATest({
        name: run.name,
        round: run.round,
        outcome,
        durationMs,
        summary: [reason, run.output.text].filter((text) => text !== '').join('\n'),
        line: run.line,
      }),
    );
  }

  #addBuildOutput(event: GoTestEvent): void {
    const known = this.#builds.get(event.importPath);
    const output = known ?? new Excerpt();
    output.add(event.output);
    if (!known && this.#builds.size < MAX_FAILED_BUILDS) this.#builds.set(event.importPath, output);
  }

  #damaged(line: Line): void {
    const how = line.isClosed ? 'is damaged' : 'was cut off';
    this.#sink.error(line.number, `an event of go test ${how}: ${line.text.slice(0, 80)}`);
  }

  #addNoise(line: number): void {
    this.#noise ??= { firstLine: line, count: 0 };
    this.#noise.count += 1;
  }
}

function newTest(event: GoTestEvent, line: number): RunningTest {
  return { name: event.test, startTimeMs: event.timeMs, line, output: new Excerpt(), tags: [] };
}

function outcomeOf(action: string): ExecutionOutcome | undefined {
  if (action === 'pass' || action === 'bench') return 'pass';
  return action === 'fail' || action === 'skip' ? action : undefined;
}

/** Lines such as `=== RUN` frame the output of a test, and say nothing about it. */
function withoutMarks(output: string): string {
  return /^\s*(=== (RUN|PAUSE|CONT|NAME|ATTR)|--- (PASS|FAIL|SKIP|BENCH):) /.test(output)
    ? ''
    : output;
}

function summaryOf(outcome: ExecutionOutcome, output: string): string {
  if (outcome === 'pass') return '';
  if (outcome !== 'abort') return output;
  return ['The test began and never ended.', output].filter((text) => text !== '').join('\n');
}
