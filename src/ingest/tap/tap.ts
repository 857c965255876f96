/**
 * Reads TAP 12 to 14 of node:test, tape, prove and the like.
 *
 * - A point at the top level is a test, as prove counts. Points of subtests are part of their parent's
 *   summary. But if each point has a duration, as those of node:test do, points of subtests are also tests,
 *   as node counts; node's suites are not.
 * - A todo that fails is skipped. One that passes is a pass, but in node:test it counts as skipped.
 * - `Bail out!` is a failure of the run, and not a test.
 * - If a plan is not kept, or a stream has no plan, results are missing.
 * - A file may hold several streams. Each begins with its version, or with the name of its script as
 *   `prove -v` writes it, which is then the suite of its tests.
 */
import { Excerpt } from '../excerpt.ts';
import { type ExecutionOutcome, type FormatSink, notATest } from '../execution.ts';
import { type Line, LineSplitter } from '../line-splitter.ts';
import type { FormatReader, ReportFormat } from '../report.ts';
import { isProveOutput, type ProveLine, parseProveLine } from './prove-line.ts';
import { TapDiagnostic } from './tap-diagnostic.ts';
import { parseTapLine, type TapLine, type TapPoint } from './tap-line.ts';

interface PendingPoint {
  readonly stream: Stream;
  readonly point: TapPoint;
  /** The number that the point has, or else its position. */
  readonly number: number;
  readonly depth: number;
  readonly suite: readonly string[];
  readonly line: number;
  readonly diagnostic: TapDiagnostic;
  /** The failed points of its subtests that are not tests themselves. */
  readonly failures: string;
  readonly comments: Excerpt;
}

interface Level {
  /** The name of the subtest that runs at this level. */
  subtest: string | undefined;
  /** The failed points below it. */
  failures: Excerpt | undefined;
}

/** Deeper than any runner nests. Deeper lines are read as if they were at this depth. */
const MAX_DEPTH = 100;

export const tap: ReportFormat = {
  name: 'tap',
  detect: (head) =>
    isProveOutput(head) ||
    (!/^\s*[<{[]/.test(head) && /^(TAP version \d+|1\.\.\d+|(not )?ok \d+)\b/im.test(head)),
  open: (sink, head) => new TapReader(sink, isProveOutput(head)),
};

/** The state of one stream of the file. */
class Stream {
  /** The script that wrote it, if the file says so. */
  readonly script: string | undefined;
  readonly levels: Level[] = [];
  /** The name that tape writes in a comment before the assertions of a test. */
  commentName: string | undefined;
  plan: { readonly count: number; readonly line: number } | undefined;
  points = 0;
  failures = 0;
  hasBailedOut = false;

  constructor(script?: string) {
    this.script = script;
  }
}

class TapReader implements FormatReader {
  readonly #sink: FormatSink;
  readonly #isProve: boolean;
  readonly #lines = new LineSplitter();
  #stream: Stream | undefined;
  #pending: PendingPoint | undefined;
  /** The indentation of the open YAML block. */
  #yamlIndent: number | undefined;
  #lastLine = 1;
  #dialect = 'generic';
  #hasNames = false;
  #scripts = 0;
  #tests = 0;
  #hasResult = false;
  /** prove writes this before the script that bailed out. */
  #nextBailsOut = false;

  constructor(sink: FormatSink, isProve: boolean) {
    this.#sink = sink;
    this.#isProve = isProve;
    if (isProve) this.#dialect = 'prove';
    else this.#stream = new Stream();
  }

  /** Known once points have been read. */
  get dialect(): string {
    return this.#dialect;
  }

  get isNameless(): boolean {
    return !this.#hasNames;
  }

  push(chunk: string): void {
    for (const line of this.#lines.push(chunk)) this.#line(line);
  }

  end(): void {
    for (const line of this.#lines.end()) this.#line(line);
    this.#endStream();
    if (this.#isProve && !this.#hasResult) {
      this.#breakPlan('the output of prove has no result at its end: the file was cut', undefined);
    }
  }

  get #awaitsPoints(): boolean {
    return this.#stream !== undefined && this.#stream.plan?.count !== this.#stream.points;
  }

  #begin(stream: Stream | undefined): void {
    this.#endStream();
    this.#stream = stream;
  }

  #endStream(): void {
    this.#flush();
    if (this.#yamlIndent !== undefined) {
      this.#sink.error(this.#lastLine, 'the file ends in the middle of a diagnostic block');
    }
    this.#yamlIndent = undefined;
    const stream = this.#stream;
    this.#stream = undefined;
    if (!stream) return;
    this.#tests += stream.points;
    if (!stream.hasBailedOut) this.#checkPlan(stream);
  }

  #checkPlan(stream: Stream): void {
    const { plan, points } = stream;
    if (!plan) this.#breakPlan('there is no plan: the file was cut, or the run died', stream);
    else if (plan.count !== points) {
      const message = `the plan says ${plan.count} points, but there are ${points}`;
      this.#breakPlan(message, stream, plan.line);
    }
  }

  /** Results are missing, so the run fails, even if all that are there passed. */
  #breakPlan(summary: string, stream: Stream | undefined, line = this.#lastLine): void {
    this.#sink.error(line, summary);
    const suite = suiteOf(stream);
    this.#sink.execution(notATest({ suite, name: 'plan', outcome: 'abort', summary, line }));
  }

  #line({ text, number, isCutOff }: Line): void {
    this.#lastLine = number;
    if (isCutOff) this.#sink.warning(number, 'a line is too long: only its beginning is read');
    if (this.#yamlIndent !== undefined && this.#isInYaml(text, this.#yamlIndent, number)) return;
    const prove = this.#isProve ? parseProveLine(text) : undefined;
    if (prove && !(prove.kind === 'ok' && this.#awaitsPoints)) {
      this.#proveLine(prove, number);
      return;
    }
    const indent = indentOf(text);
    const parsed = parseTapLine(text.trim());
    const depth = Math.min(Math.floor(indent / 4), MAX_DEPTH);
    if (parsed.kind === 'yaml-start' && this.#pending) this.#yamlIndent = indent;
    else this.#statement(parsed, depth, number);
  }

  /** Takes a line of the open block, or closes a block that its producer left open. */
  #isInYaml(text: string, indent: number, number: number): boolean {
    const own = indentOf(text);
    const isLess = own < indent && text.trim() !== '';
    if (isLess && parseTapLine(text.trim()).kind !== 'noise') {
      this.#sink.warning(number, 'a diagnostic block was not closed');
      this.#yamlIndent = undefined;
      return false;
    }
    if (text.trim() === '...' && own <= indent) this.#yamlIndent = undefined;
    else this.#pending?.diagnostic.add(text.slice(Math.min(indent, own)));
    return true;
  }

  #proveLine(line: ProveLine, number: number): void {
    if (line.kind === 'script') this.#script(line, number);
    else if (line.kind === 'dubious') this.#dubious(line.text, number);
    else if (line.kind === 'bail-out') {
      this.#begin(undefined);
      this.#bailOut(line.reason, number);
      this.#nextBailsOut = true;
    } else if (line.kind === 'totals') {
      this.#begin(undefined);
      this.#checkTotals(line.scripts, line.tests, number);
    } else if (line.kind === 'result') this.#hasResult = true;
  }

  #script({ name, isSkipped }: { name: string; isSkipped: boolean }, line: number): void {
    this.#scripts += 1;
    const stream = new Stream(name);
    stream.hasBailedOut = this.#nextBailsOut;
    this.#nextBailsOut = false;
    this.#begin(isSkipped ? undefined : stream);
    this.#lastLine = line;
  }

  /** The points of a script show most failures; a script that fails without any would be lost. */
  #dubious(summary: string, line: number): void {
    this.#flush();
    const stream = this.#stream;
    if (!stream || stream.failures > 0 || stream.hasBailedOut) return;
    if (stream.plan?.count !== stream.points) return;
    const suite = suiteOf(stream);
    this.#sink.execution(notATest({ suite, name: 'exit', outcome: 'crash', summary, line }));
  }

  #checkTotals(scripts: number, tests: number, line: number): void {
    if (scripts === this.#scripts && tests === this.#tests) return;
    const found = `${this.#scripts} files and ${this.#tests} tests`;
    this.#breakPlan(
      `prove says ${scripts} files and ${tests} tests, but there are ${found}`,
      undefined,
      line,
    );
  }

  #statement(line: TapLine, depth: number, number: number): void {
    if (line.kind === 'noise') return;
    if (line.kind === 'comment') {
      this.#comment(line.text, depth);
      return;
    }
    this.#flush();
    if (line.kind === 'version' && depth === 0) this.#version();
    const stream = this.#stream;
    if (!stream) return;
    if (line.kind === 'point') this.#point(stream, line, { depth, line: number });
    else if (line.kind === 'subtest') levelOf(stream, depth).subtest = line.name;
    else if (line.kind === 'bail-out' && !stream.hasBailedOut) this.#bailOut(line.reason, number);
    else if (line.kind === 'plan' && depth === 0) this.#planLine(stream, line.count, number);
  }

  /** If anything comes before the version line, it begins another stream. */
  #version(): void {
    const stream = this.#stream;
    if (stream && (stream.points > 0 || stream.plan)) this.#begin(new Stream(stream.script));
  }

  #comment(text: string, depth: number): void {
    if (depth === 0 && this.#stream) this.#stream.commentName = text.replace(/^todo /i, '');
    this.#pending?.comments.add(`${text}\n`);
  }

  #planLine(stream: Stream, count: number, line: number): void {
    if (stream.plan) this.#sink.error(line, 'a second plan');
    stream.plan = { count, line };
  }

  #point(
    stream: Stream,
    point: TapPoint,
    { depth, line }: Pick<PendingPoint, 'depth' | 'line'>,
  ): void {
    if (depth === 0) stream.points += 1;
    if (depth === 0 && !point.isOk && !point.directive) stream.failures += 1;
    const level = levelOf(stream, depth);
    const names = stream.levels.slice(0, depth).map(({ subtest }) => subtest ?? '');
    const isTape = !this.#isProve && depth === 0 && !point.hasDash && point.description !== '';
    if (isTape && stream.commentName !== undefined) this.#dialect = 'tape';
    const suite = isTape ? [stream.commentName ?? ''] : [...suiteOf(stream), ...names];
    this.#pending = {
      stream,
      point,
      depth,
      suite: suite.filter((name) => name !== ''),
      line,
      number: point.number ?? stream.points,
      diagnostic: new TapDiagnostic(),
      failures: level.failures?.text ?? '',
      comments: new Excerpt(),
    };
    level.failures = undefined;
    level.subtest = undefined;
    stream.levels.length = depth + 1;
  }

  #bailOut(reason: string, line: number): void {
    if (this.#stream) this.#stream.hasBailedOut = true;
    const summary = `Bail out! ${reason}`.trim();
    this.#sink.execution(notATest({ name: 'Bail out!', outcome: 'abort', summary, line }));
    this.#sink.warning(line, `the run bailed out: ${reason}`);
  }

  /** Emits the previous point, which is complete as soon as something else follows it. */
  #flush(): void {
    const pending = this.#pending;
    this.#pending = undefined;
    if (!pending) return;
    const { point, depth, diagnostic } = pending;
    if (diagnostic.type !== undefined) this.#dialect = 'node-test';
    if (diagnostic.type === 'suite') this.#suite(pending);
    else if (depth === 0 || diagnostic.durationMs !== undefined) this.#test(pending);
    else if (!point.isOk && !point.directive) this.#tellParent(pending);
  }

  #test(pending: PendingPoint): void {
    const { point, suite, diagnostic, line } = pending;
    const outcome = outcomeOf(point, diagnostic);
    if (point.description !== '') this.#hasNames = true;
    this.#sink.execution({
      suite,
      name: point.description || `point ${pending.number}`,
      isTest: true,
      round: 1,
      outcome,
      durationMs: diagnostic.durationMs ?? point.durationMs,
      startTimeMs: undefined,
      summary: outcome === 'pass' ? '' : summaryOf(pending),
      tags: point.directive === 'todo' ? [['todo', point.reason]] : [],
      location: diagnostic.location,
      line,
    });
  }

  /** A suite fails because of its tests; only a broken hook is a separate failure. */
  #suite({ point, suite, diagnostic, line }: PendingPoint): void {
    const failureType = diagnostic.failureType ?? '';
    if (point.isOk || point.directive || failureType === 'subtestsFailed') return;
    this.#sink.execution(
      notATest({
        suite: [...suite, point.description],
        name: failureType || 'suite',
        outcome: 'crash',
        durationMs: diagnostic.durationMs,
        summary: diagnostic.summary,
        location: diagnostic.location,
        line,
      }),
    );
  }

  #tellParent(pending: PendingPoint): void {
    const parent = levelOf(pending.stream, pending.depth - 1);
    parent.failures ??= new Excerpt();
    const name = pending.point.description || `point ${pending.point.number ?? '?'}`;
    parent.failures.add(`not ok: ${name}\n${summaryOf(pending)}\n`);
  }
}

function levelOf({ levels }: Stream, depth: number): Level {
  while (levels.length <= depth) levels.push({ subtest: undefined, failures: undefined });
  return levels[depth] ?? { subtest: undefined, failures: undefined };
}

function suiteOf(stream: Stream | undefined): string[] {
  return stream?.script === undefined ? [] : [stream.script];
}

function indentOf(text: string): number {
  return text.length - text.trimStart().length;
}

function outcomeOf(point: TapPoint, diagnostic: TapDiagnostic): ExecutionOutcome {
  if (point.directive === 'skip') return 'skip';
  const isNode = diagnostic.type !== undefined;
  if (point.directive === 'todo') return point.isOk && !isNode ? 'pass' : 'skip';
  if (point.isOk) return 'pass';
  const wasEnded = /^(cancelledByParent|testTimeoutFailure|testAborted)$/;
  return wasEnded.test(diagnostic.failureType ?? '') ? 'abort' : 'fail';
}

function summaryOf({ point, diagnostic, failures, comments }: PendingPoint): string {
  const parts = [point.reason, diagnostic.summary, failures, comments.text];
  return parts.filter((part) => part !== '').join('\n');
}
