/**
 * One report on disk: read once to check and index it, and once more for its results.
 */
import { dirname } from 'node:path';
import { CodedError, toError } from '../errors.ts';
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
  /** Holds its executions, from `firstPosition` on. */
  readonly index: ExecutionIndex;
  readonly firstPosition: number;
  /** Tests that it counts and does not name. */
  readonly unnamedSkips: number;
  /** How many executions it has. */
  readonly executions: number;
  /** See FormatReader. */
  readonly isNameless: boolean;
  /** See RunSignature. */
  readonly signature: string | undefined;
}

export interface Examination {
  /** `undefined` where nothing of the file may be recorded. */
  readonly report: ReadableReport | undefined;
  /** What the file is, damaged or not; `undefined` where that is not known. */
  readonly kind: ReportKind | undefined;
  readonly problems: readonly Problem[];
}

export interface ReportKind {
  readonly format: FormatName;
  readonly dialect: string;
}

/** Gives the index of the run that a file belongs to. */
export type IndexFor = (run: {
  readonly folder: string;
  readonly grouping: Grouping;
}) => ExecutionIndex;

export interface ExaminedFile {
  readonly path: string;
  /** Names of files are told from here, where it is known. */
  readonly root: string | undefined;
  /** Its number in the set. */
  readonly file: number;
  readonly indexFor: IndexFor;
  /** Whether there are others to compare it with. */
  readonly isOneOfMany: boolean;
  /** Ends the reading, by its reason. */
  readonly signal: AbortSignal | undefined;
}

/** The first pass. Errors of a file are its problems: this never throws for them. */
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

/** What the second pass hands on. */
export interface FoundExecution {
  readonly execution: Execution;
  readonly testId: TestId;
  /** In the report's index. */
  readonly position: number;
}

/** The second pass. Throws `failed-precondition` if the file has changed since the first. */
export async function* executionsOf(report: ReadableReport): AsyncGenerator<FoundExecution> {
  let position = report.firstPosition;
  try {
    for await (const execution of readAgain(report)) {
      yield { execution, testId: testIdOf(execution.suite, execution.name), position };
      position += 1;
    }
  } catch (error) {
    // It was whole before.
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
  return new CodedError('failed-precondition', `${path} has changed while it was read`, { cause });
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
    this.#tellReplaced(text.firstReplacedLine());
    this.#tellShortened();
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

  #tellReplaced(line: number | undefined): void {
    if (line === undefined) return;
    this.#problems.warning(line, 'bytes that are not in the encoding of the file were replaced');
  }

  #tellShortened(): void {
    if (!this.#shortened) return;
    const { line, count } = this.#shortened;
    const what = `${count} names are too long for a test id (first here)`;
    this.#problems.warning(line, `${what}: a hash stands for the end, the metadata has it all`);
  }
}

/** Of the file system: they have a code such as ENOENT. */
function isFileError(error: Error): boolean {
  return 'syscall' in error;
}
