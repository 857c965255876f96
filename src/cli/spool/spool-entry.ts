/**
 * An entry of the spool is one recording that waits for its server, in a file of JSON lines:
 *
 *     {"postlude": "spool", "version": 1, "server", "recordedAt", "open": OpenInvocationRequest}
 *     {"results": [TestResult, …]}                  any number of these
 *     {"exonerations": [TestExoneration, …], "requestId"}    and of these
 *     {"end": EndInvocationRequest, "batches": n}   always the last
 *
 * It holds the results themselves, as a later job may overwrite the reports. It holds no token.
 */
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { create, fromJson, type JsonValue, toJson } from '@bufbuild/protobuf';
import { NOT_REGULAR, openRegularFile } from '@postlude/queue/foundations';
import {
  type TestExoneration,
  TestExonerationSchema,
  type TestResult,
  TestResultSchema,
} from '../../gen/luci/resultdb/v1/test_result_pb.js';
import {
  type EndInvocationRequest,
  EndInvocationRequestSchema,
  type OpenInvocationRequest,
  OpenInvocationRequestSchema,
} from '../../gen/postlude/v1/invocations_pb.js';
import { LineSplitter } from '../../ingest/line-splitter.ts';
import type { ResultBatch } from '../../ingest/results/result-batch.ts';
import { CliError } from '../context.ts';
import type { RecordingPlan } from '../recording/recording.ts';
import type { ResultSink } from '../reports/upload-reports.ts';

const VERSION = 1;
/** A batch has about two megabytes; JSON may double that. */
const MAX_LINE_LENGTH = 64 * 1024 * 1024;

export interface SpoolHeader {
  readonly open: OpenInvocationRequest;
  /** The URL of the server that the results are for, at the time of the recording. */
  readonly server: string;
  /** In ISO 8601, by this machine's clock. */
  readonly recordedAt: string;
}

type EndInit = Pick<EndInvocationRequest, 'cancelled' | 'reason' | 'properties'>;

/** Writes an entry. It appears under its name, complete, when `commit` ends; before that it is not there. */
export class SpoolWriter implements ResultSink {
  readonly #file: FileHandle;
  readonly #partial: string;
  readonly path: string;
  #batches = 0;

  private constructor(file: FileHandle, path: string) {
    this.#file = file;
    this.path = path;
    this.#partial = partialOf(path);
  }

  static async open(
    path: string,
    header: Omit<SpoolHeader, 'open'>,
    { request }: RecordingPlan,
  ): Promise<SpoolWriter> {
    const writer = new SpoolWriter(await open(partialOf(path), 'wx', 0o600), path);
    const message = create(OpenInvocationRequestSchema, request);
    await writer.#write({
      postlude: 'spool',
      version: VERSION,
      ...header,
      open: toJson(OpenInvocationRequestSchema, message),
    });
    return writer;
  }

  async send(batch: ResultBatch): Promise<void> {
    const results = batch.results().map((each) => toJson(TestResultSchema, each));
    await this.#write({ results });
    this.#batches += 1;
  }

  async exonerate(exonerations: readonly TestExoneration[], requestId: string): Promise<void> {
    const written = exonerations.map((each) => toJson(TestExonerationSchema, each));
    await this.#write({ exonerations: written, requestId });
    this.#batches += 1;
  }

  /** Does nothing: `commit` makes the results durable. */
  end(): Promise<void> {
    return Promise.resolve();
  }

  /** Returns 0: the clocks are compared when the entry is sent. */
  aheadMs(): Promise<number> {
    return Promise.resolve(0);
  }

  async commit(end: EndInit): Promise<void> {
    const message = create(EndInvocationRequestSchema, end);
    await this.#write({
      end: toJson(EndInvocationRequestSchema, message),
      batches: this.#batches,
    });
    await this.#file.sync();
    await this.#file.close();
    await rename(this.#partial, this.path);
  }

  async abandon(): Promise<void> {
    await this.#file.close().catch(() => undefined);
    await rm(this.#partial, { force: true });
  }

  async #write(line: JsonValue): Promise<void> {
    await this.#file.writeFile(`${JSON.stringify(line)}\n`);
  }
}

function partialOf(path: string): string {
  return `${path}.partial`;
}

export interface SpoolEntry {
  readonly header: SpoolHeader;
  readonly end: EndInvocationRequest;
}

/** Reads an entry to its end. Throws a CliError if it is damaged or of another version. */
export async function readEntry(path: string): Promise<SpoolEntry> {
  let header: SpoolHeader | undefined;
  let end: EndInvocationRequest | undefined;
  let batches = 0;
  for await (const line of linesOf(path)) {
    if (end !== undefined) throw damaged(path, 'it continues after its end');
    if (header === undefined) header = headerOf(path, line);
    else if ('results' in line || 'exonerations' in line) batches += checkedBatch(path, line);
    else end = endOf(path, line, batches);
  }
  if (header === undefined || end === undefined) throw damaged(path, 'its end is missing');
  return { header, end };
}

/** Decodes a batch before anything is opened on a server, as results that are damaged cannot be sent. */
function checkedBatch(path: string, { exonerations, requestId, results }: Line): 1 {
  const items = results ?? exonerations;
  if (!Array.isArray(items)) throw damaged(path, 'a batch is not a list');
  const isOfResults = results !== undefined;
  const desc = isOfResults ? TestResultSchema : TestExonerationSchema;
  decoded(path, () => items.map((each) => fromJson(desc, each)));
  if (isOfResults || typeof requestId === 'string') return 1;
  throw damaged(path, 'a batch has no request id');
}

/** Reads the results of an entry that `readEntry` has checked, one batch at a time. */
export async function* resultsOf(path: string): AsyncGenerator<TestResult[]> {
  for await (const line of linesOf(path)) {
    if (!Array.isArray(line.results)) continue;
    yield line.results.map((each) => fromJson(TestResultSchema, each));
  }
}

export interface SpooledExonerations {
  readonly exonerations: readonly TestExoneration[];
  readonly requestId: string;
}

/** Reads the exonerations of such an entry. */
export async function* exonerationsOf(path: string): AsyncGenerator<SpooledExonerations> {
  for await (const { exonerations, requestId } of linesOf(path)) {
    if (!Array.isArray(exonerations)) continue;
    yield {
      exonerations: exonerations.map((each) => fromJson(TestExonerationSchema, each)),
      requestId: String(requestId),
    };
  }
}

type Line = Readonly<Record<string, JsonValue>>;

async function* linesOf(path: string): AsyncGenerator<Line> {
  const lines = new LineSplitter(MAX_LINE_LENGTH);
  const file = await openRegularFile(path);
  if (file === undefined) throw damaged(path, NOT_REGULAR);
  for await (const chunk of file.createReadStream({ encoding: 'utf8' })) {
    for (const { text } of lines.push(chunk)) yield parseLine(path, text);
  }
  for (const { text } of lines.end()) yield parseLine(path, text);
}

function parseLine(path: string, text: string): Line {
  try {
    const line: unknown = JSON.parse(text);
    if (typeof line === 'object' && line !== null && !Array.isArray(line)) return line as Line;
  } catch (error) {
    throw damaged(path, 'a line is not JSON', error);
  }
  throw damaged(path, 'a line is not an object');
}

function headerOf(path: string, line: Line): SpoolHeader {
  const { open: request, postlude, recordedAt, server, version } = line;
  if (postlude !== 'spool') throw damaged(path, 'it has no header');
  if (version !== VERSION)
    throw damaged(path, `it has version ${version}, and this client reads ${VERSION}`);
  return {
    open: decoded(path, () => fromJson(OpenInvocationRequestSchema, request ?? null)),
    server: String(server),
    recordedAt: String(recordedAt),
  };
}

function endOf(path: string, { batches, end }: Line, found: number): EndInvocationRequest {
  if (batches !== found) throw damaged(path, `it has ${found} of ${batches} batches`);
  return decoded(path, () => fromJson(EndInvocationRequestSchema, end ?? null));
}

function decoded<T>(path: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw damaged(path, 'it cannot be decoded', error);
  }
}

function damaged(path: string, reason: string, cause?: unknown): CliError {
  return new CliError(`${path} is damaged: ${reason}`, undefined, { cause });
}
