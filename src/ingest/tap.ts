/**
 * Reads TAP 12 to 14: node:test, tape, prove and their like.
 *
 * - A point at the top level is a test, as prove counts. Points of subtests are told in their
 *   parent's summary; but where each point says how long it took, as node:test's do, they are
 *   tests too, as node counts. node's suites are not.
 * - A todo that fails is skipped. One that passes is a pass, but in node:test it counts as skipped.
 * - `Bail out!` is a failure of the run, and not a test.
 * - A plan that is not kept means that results are missing, and so does a stream without a plan.
 */

import { Excerpt } from './excerpt.ts';
import { type ExecutionOutcome, type FormatSink, notATest } from './execution.ts';
import { type Line, LineSplitter } from './line-splitter.ts';
import type { FormatReader, ReportFormat } from './report.ts';
import { TapDiagnostic } from './tap-diagnostic.ts';
import { parseTapLine, type TapLine, type TapPoint } from './tap-line.ts';

interface PendingPoint {
  readonly point: TapPoint;
  readonly depth: number;
  readonly suite: readonly string[];
  readonly line: number;
  readonly diagnostic: TapDiagnostic;
  /** Points of its subtests that are not tests of their own, and failed. */
  readonly failures: string;
  readonly comments: Excerpt;
}

interface Level {
  /** Name of the subtest that runs here. */
  subtest: string | undefined;
  /** Failed points seen below it. */
  failures: Excerpt | undefined;
}

/** Deeper than any runner nests: what lies below is read as if it were at this depth. */
const MAX_DEPTH = 100;

export const tap: ReportFormat = {
  name: 'tap',
  detect: (head) =>
    !/^\s*[<{[]/.test(head) && /^(TAP version \d+|1\.\.\d+|(not )?ok \d+)\b/im.test(head),
  open: (sink) => new TapReader(sink),
};

class TapReader implements FormatReader {
  readonly #sink: FormatSink;
  readonly #lines = new LineSplitter();
  readonly #levels: Level[] = [];
  #pending: PendingPoint | undefined;
  /** Indentation of the YAML block that is open. */
  #yamlIndent: number | undefined;
  /** tape names a test in a comment, and its assertions follow. */
  #commentName: string | undefined;
  #plan: { readonly count: number; readonly line: number } | undefined;
  #points = 0;
  #hasBailedOut = false;
  #lastLine = 1;
  #dialect = 'generic';
  #hasNames = false;

  constructor(sink: FormatSink) {
    this.#sink = sink;
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
    this.#flush();
    if (this.#yamlIndent !== undefined) {
      this.#sink.error(this.#lastLine, 'the file ends in the middle of a diagnostic block');
    }
    if (!this.#hasBailedOut) this.#checkPlan();
  }

  #checkPlan(): void {
    if (!this.#plan) {
      this.#breakPlan(this.#lastLine, 'there is no plan: the file was cut, or the run died');
    } else if (this.#plan.count !== this.#points) {
      const { count, line } = this.#plan;
      this.#breakPlan(line, `the plan says ${count} points, but there are ${this.#points}`);
    }
  }

  /** Results are missing, so the run fails, even if all that are there passed. */
  #breakPlan(line: number, message: string): void {
    this.#sink.error(line, message);
    this.#sink.execution(notATest({ name: 'plan', outcome: 'abort', summary: message, line }));
  }

  #line({ text, number, isCutOff }: Line): void {
    this.#lastLine = number;
    if (isCutOff) this.#sink.warning(number, 'a line is too long, and is read in part');
    if (this.#yamlIndent !== undefined && this.#isInYaml(text, this.#yamlIndent, number)) return;
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

  #statement(line: TapLine, depth: number, number: number): void {
    if (line.kind === 'noise') return;
    if (line.kind === 'comment') {
      this.#comment(line.text, depth);
      return;
    }
    this.#flush();
    if (line.kind === 'point') this.#point(line, depth, number);
    else if (line.kind === 'subtest') this.#level(depth).subtest = line.name;
    else if (line.kind === 'bail-out') this.#bailOut(line.reason, number);
    else if (line.kind === 'plan' && depth === 0) this.#planLine(line.count, number);
    else if (line.kind === 'version' && (this.#points > 0 || this.#plan)) {
      this.#sink.error(number, 'a second TAP stream begins in the same file');
    }
  }

  #comment(text: string, depth: number): void {
    if (depth === 0) this.#commentName = text.replace(/^todo /i, '');
    this.#pending?.comments.add(`${text}\n`);
  }

  #planLine(count: number, line: number): void {
    if (this.#plan) this.#sink.error(line, 'a second plan');
    this.#plan = { count, line };
  }

  #point(point: TapPoint, depth: number, line: number): void {
    if (depth === 0) this.#points += 1;
    const level = this.#level(depth);
    const names = this.#levels.slice(0, depth).map(({ subtest }) => subtest ?? '');
    const isTape = depth === 0 && !point.hasDash && point.description !== '';
    if (isTape && this.#commentName !== undefined) this.#dialect = 'tape';
    this.#pending = {
      point,
      depth,
      suite: (isTape ? [this.#commentName ?? ''] : names).filter((name) => name !== ''),
      line,
      diagnostic: new TapDiagnostic(),
      failures: level.failures?.text ?? '',
      comments: new Excerpt(),
    };
    level.failures = undefined;
    level.subtest = undefined;
    this.#levels.length = depth + 1;
  }

  #bailOut(reason: string, line: number): void {
    if (this.#hasBailedOut) return;
    this.#hasBailedOut = true;
    const summary = `Bail out! ${reason}`.trim();
    this.#sink.execution(notATest({ name: 'Bail out!', outcome: 'abort', summary, line }));
    this.#sink.warning(line, `the run was given up: ${reason}`);
  }

  /** The point before is whole, now that something else follows it. */
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
      name: point.description || `point ${point.number ?? this.#points}`,
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

  /** A suite fails with its tests; only a hook that breaks is a failure of its own. */
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
    const parent = this.#level(pending.depth - 1);
    parent.failures ??= new Excerpt();
    const name = pending.point.description || `point ${pending.point.number ?? '?'}`;
    parent.failures.add(`not ok: ${name}\n${summaryOf(pending)}\n`);
  }

  #level(depth: number): Level {
    while (this.#levels.length <= depth) {
      this.#levels.push({ subtest: undefined, failures: undefined });
    }
    return this.#levels[depth] ?? { subtest: undefined, failures: undefined };
  }
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
