/**
 * Reads one report on disk: once to check and index it, and once more for its results.
 */
import { dirname } from 'node:path';
import { CodedError, toError } from '@postlude/queue/foundations';
import type { ExecutionIndex } from './attempts/execution-index.ts';
import { byRounds } from './attempts/grouping.ts';
import { RunSignature } from './attempts/run-signature.ts';
import type { Execution, FormatSink } from './execution.ts';
import { formatOf, whyUnknown } from './formats.ts';
import { ProblemLog } from './problem-log.ts';
import {
  type FormatName,
  type FormatReader,
  type Grouping,
  type Problem,
  ReportDamage,
  type ReportFormat,
} from './report.ts';
import { type TestId, testIdOf } from './results/test-id.ts';
import { openTextFile } from './text-file.ts';

/** A file whose results may be recorded. */
export interface ReadableReport {
  readonly path: string;
  /** See ExaminedFile. */
  readonly root: string | undefined;
  readonly format: ReportFormat;
  readonly dialect: string;
  readonly contentHash: string;
  /** Holds the report's executions, from `firstPosition` on. */
  readonly index: ExecutionIndex;
  readonly firstPosition: number;
  /** The number of skipped tests that it counts but does not name. */
  readonly unnamedSkips: number;
  /** The number of executions in the report. */
  readonly executions: number;
  /** See FormatReader. */
  readonly isNameless: boolean;
  /** See RunSignature. */
  readonly signature: string | undefined;
}

export interface Examination {
  /** `undefined` if nothing of the file may be recorded. */
  readonly report: ReadableReport | undefined;
  /** The kind of the file, damaged or not; `undefined` if it is not known. */
  readonly kind: ReportKind | undefined;
  readonly problems: readonly Problem[];
}

export interface ReportKind {
  readonly format: FormatName;
  readonly dialect: string;
}

/** Returns the index of the run that a file belongs to. */
export type IndexFor = (run: {
  readonly folder: string;
  readonly grouping: Grouping;
}) => ExecutionIndex;

export interface ExaminedFile {
  readonly path: string;
  /** File names are given relative to this folder, if it is known. */
  readonly root: string | undefined;
  /** The number of the file in the set. */
  readonly file: number;
  readonly indexFor: IndexFor;
  /** True if there are other files to compare it with. */
  readonly isOneOfMany: boolean;
  /** Ends the reading when it aborts, by throwing its reason. */
  readonly signal: AbortSignal | undefined;
}

/** Makes the first pass. Errors of a file become its problems and are never thrown. */
export async function examine(subject: ExaminedFile): Promise<Examination> {
  const problems = new ProblemLog(subject.path);
  const entry = new FirstPass(subject, problems);
  try {
    const report = await entry.run();
    return { report, kind: entry.kind, problems: problems.all };
  } catch (thrown) {
    entry.forget();
    const error = toError(thrown);
    if (!(error instanceof ReportDamage) && !isFileError(error)) throw thrown;
    const line = error instanceof ReportDamage ? error.line : 1;
    const what = error instanceof ReportDamage ? error.message : `not readable: ${error.message}`;
    problems.error(line, what);
    return { report: undefined, kind: entry.kind, problems: problems.all };
  }
}

/** An execution that the second pass yields. */
export interface FoundExecution {
  readonly execution: Execution;
  readonly testId: TestId;
  /** The position in the report's index. */
  readonly position: number;
}

/** Makes the second pass. Throws `failed-precondition` if the file has changed since the first. */
export async function* readExecutions(report: ReadableReport): AsyncGenerator<FoundExecution> {
  let position = report.firstPosition;
  try {
    for await (const execution of readAgain(report)) {
      yield { execution, testId: testIdOf(execution.suite, execution.name), position };
      position += 1;
    }
  } catch (error) {
    // The file was whole in the first pass.
    if (error instanceof ReportDamage) throw changed(report, error);
    throw error;
  }
}

async function* readAgain(report: ReadableReport): AsyncGenerator<Execution> {
  const found: Execution[] = [];
  const ignore = () => {};
  const sink = {
    execution: (execution: Execution) => found.push(execution),
    unnamedSkips: ignore,
    error: ignore,
    warning: ignore,
  };
  const text = openTextFile(report.path);
  let reader: FormatReader | undefined;
  for await (const chunk of text.chunks) {
    reader ??= report.format.open(sink, chunk, report.root);
    reader.push(chunk);
    yield* found.splice(0);
  }
  reader?.end();
  yield* found.splice(0);
  if (text.contentHash() !== report.contentHash) throw changed(report);
}

function changed({ path }: ReadableReport, cause?: Error): CodedError {
  return new CodedError('failed-precondition', `${path} changed while it was being read`, {
    cause,
  });
}

class FirstPass {
  readonly #subject: ExaminedFile;
  readonly #problems: ProblemLog;
  #format: ReportFormat | undefined;
  #reader: FormatReader | undefined;
  #entry: { readonly index: ExecutionIndex; readonly firstPosition: number } | undefined;
  readonly #signature: RunSignature | undefined;
  #unnamedSkips = 0;
  #shortened: { readonly line: number; count: number } | undefined;

  constructor(subject: ExaminedFile, problems: ProblemLog) {
    this.#subject = subject;
    this.#problems = problems;
    this.#signature = subject.isOneOfMany ? new RunSignature() : undefined;
  }

  get kind(): ReportKind | undefined {
    return (
      this.#format && { format: this.#format.name, dialect: this.#reader?.dialect ?? 'generic' }
    );
  }

  async run(): Promise<ReadableReport> {
    const { path, root, signal } = this.#subject;
    const text = openTextFile(path);
    for await (const chunk of text.chunks) {
      signal?.throwIfAborted();
      this.#reader ??= this.#open(chunk);
      this.#reader.push(chunk);
    }
    this.#reader?.end();
    if (!(this.#format && this.#reader && this.#entry)) throw new ReportDamage(1, whyUnknown(''));
    this.#warnOfReplaced(text.firstReplacedLine());
    this.#warnOfShortened();
    const { index, firstPosition } = this.#entry;
    return {
      path,
      root,
      format: this.#format,
      dialect: this.#reader.dialect,
      contentHash: text.contentHash(),
      index,
      firstPosition,
      unnamedSkips: this.#unnamedSkips,
      executions: index.size - firstPosition,
      isNameless: this.#reader.isNameless ?? false,
      signature: this.#signature?.text,
    };
  }

  forget(): void {
    this.#entry?.index.cutTo(this.#entry.firstPosition);
  }

  #open(head: string): FormatReader {
    const format = formatOf(head);
    if (!format) throw new ReportDamage(1, whyUnknown(head));
    this.#format = format;
    const sink: FormatSink = {
      execution: (execution) => this.#add(execution),
      unnamedSkips: (count) => {
        this.#unnamedSkips += count;
      },
      error: (line, message) => this.#problems.error(line, message),
      warning: (line, message) => this.#problems.warning(line, message),
    };
    const reader = format.open(sink, head, this.#subject.root);
    const grouping = format.grouping?.(reader.dialect) ?? byRounds;
    const { path, indexFor } = this.#subject;
    const index = indexFor({ folder: dirname(path), grouping });
    this.#entry = { index, firstPosition: index.size };
    return reader;
  }

  #add(execution: Execution): void {
    const { id, isShortened } = testIdOf(execution.suite, execution.name);
    this.#entry?.index.add(this.#subject.file, id, execution);
    this.#signature?.add(execution);
    if (!isShortened) return;
    this.#shortened ??= { line: execution.line, count: 0 };
    this.#shortened.count += 1;
  }

  #warnOfReplaced(line: number | undefined): void {
    if (line === undefined) return;
    this.#problems.warning(line, 'bytes that are not in the encoding of the file were replaced');
  }

  #warnOfShortened(): void {
    if (!this.#shortened) return;
    const { line, count } = this.#shortened;
    const what = `${count} names are too long for a test id (first here)`;
    this.#problems.warning(
      line,
      `${what}: a hash replaces the end, and the metadata has the full name`,
    );
  }
}

/** Errors of the file system name the system call that failed. */
function isFileError(error: Error): boolean {
  return 'syscall' in error;
}
