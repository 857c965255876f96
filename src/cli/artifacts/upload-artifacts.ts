/**
 * Uploads files as artifacts of an invocation: small ones many at a time, and each larger one by itself and
 * as a stream. An artifact that is there already with the same content is no error, so all of it can be
 * repeated. A file that cannot be uploaded is reported, and the others are uploaded anyway.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { Code, ConnectError } from '@connectrpc/connect';
import { toError } from '@postlude/queue/foundations';
import type { Problem } from '../../ingest/report.ts';
import { escapePathSegment } from '../../services/shared/path-segment.ts';
import type { Connection } from '../connection/connection.ts';
import { describeProblem } from '../reports/describe-report.ts';
import { findReports, type Search } from '../reports/find-reports.ts';
import type { Upload } from '../reports/upload-reports.ts';
import { artifactIdOf, otherIdOf } from './artifact-id.ts';
import { mediaTypeOf } from './media-types.ts';

export interface ArtifactTarget {
  readonly connection: Pick<Connection, 'put' | 'recorder' | 'retry'>;
  /** The header with the update token. */
  readonly headers: Readonly<Record<string, string>>;
  /** The id of the invocation. */
  readonly invocation: string;
}

export interface ArtifactFiles extends Search {
  readonly cwd: string;
  /** Files, or glob patterns, relative to `cwd`. */
  readonly patterns: readonly string[];
}

export interface ArtifactSummary {
  readonly files: number;
  readonly bytes: number;
  /** Why a file or a pattern is left out. */
  readonly problems: readonly Problem[];
}

/** Larger files are sent by themselves. */
const MAX_SMALL_BYTES = 256 * 1024;
const MAX_BATCH_BYTES = 2 * 1024 * 1024;
const MAX_BATCH_FILES = 500;

interface ArtifactFile {
  readonly path: string;
  readonly artifactId: string;
  readonly contentType: string;
}

interface SmallFile extends ArtifactFile {
  readonly contents: Uint8Array;
}

/** Uploads the artifacts of an upload, and prints why some are left out; `undefined` if there are to be none. */
export async function sendArtifacts(
  { artifacts = [], context: { cwd }, earlier, followLinks, output }: Upload,
  target: ArtifactTarget,
): Promise<ArtifactSummary | undefined> {
  if (artifacts.length === 0) return undefined;
  const search = { cwd, patterns: artifacts, earlier, followLinks };
  const summary = await uploadArtifacts(target, search);
  for (const problem of summary.problems) output.warn(describeProblem(problem));
  return summary;
}

/** Throws if the server cannot be reached, or refuses the invocation's token. */
async function uploadArtifacts(
  target: ArtifactTarget,
  search: ArtifactFiles,
): Promise<ArtifactSummary> {
  const { files, problems } = await findArtifacts(search);
  const uploading = new Uploading(target);
  for (const file of files) await uploading.add(file);
  await uploading.flush();
  return { ...uploading.sums, problems: [...problems, ...uploading.problems] };
}

/** A pattern that finds nothing is no problem: a screenshot is there only if something has failed. */
async function findArtifacts({ cwd, patterns, ...search }: ArtifactFiles) {
  const found = await findReports(cwd, patterns, { ...search, mayBeMissing: true });
  const taken = new Set<string>();
  const files = found.files.map((path): ArtifactFile => {
    const id = artifactIdOf(cwd, path);
    const artifactId = taken.has(id) ? otherIdOf(id, path) : id;
    taken.add(artifactId);
    return { path, artifactId, contentType: mediaTypeOf(path) };
  });
  return { files, problems: found.problems };
}

class Uploading {
  readonly #target: ArtifactTarget;
  readonly problems: Problem[] = [];
  #batch: SmallFile[] = [];
  #batchBytes = 0;
  #files = 0;
  #bytes = 0;

  constructor(target: ArtifactTarget) {
    this.#target = target;
  }

  get sums(): Pick<ArtifactSummary, 'bytes' | 'files'> {
    return { files: this.#files, bytes: this.#bytes };
  }

  async add(file: ArtifactFile): Promise<void> {
    await this.#reporting(file, async () => {
      const { size } = await stat(file.path);
      if (size > MAX_SMALL_BYTES) return await this.#sendLarge(file, size);
      const contents = await readFile(file.path);
      const isFull = this.#batch.length === MAX_BATCH_FILES;
      if (isFull || this.#batchBytes + contents.length > MAX_BATCH_BYTES) await this.flush();
      this.#batch.push({ ...file, contents });
      this.#batchBytes += contents.length;
    });
  }

  async flush(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    this.#batchBytes = 0;
    if (batch.length === 0) return;
    try {
      await this.#sendBatch(batch);
    } catch (error) {
      if (!isOfFile(error)) throw error;
      // The server refuses a batch as a whole, so each file is asked for by itself.
      for (const file of batch) await this.#reporting(file, () => this.#sendBatch([file]));
    }
  }

  async #sendBatch(batch: readonly SmallFile[]): Promise<void> {
    const { connection, headers, invocation } = this.#target;
    const requests = batch.map(({ path: _, ...artifact }) => ({ artifact }));
    const request = { parent: `invocations/${invocation}`, requests };
    await connection.retry(() => connection.recorder.batchCreateArtifacts(request, { headers }));
    for (const { contents } of batch) this.#count(contents.length);
  }

  async #sendLarge({ artifactId, contentType, path }: ArtifactFile, size: number): Promise<void> {
    const { connection, headers, invocation } = this.#target;
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(path, { end: size - 1 })) hash.update(chunk);
    const all = {
      ...headers,
      'content-hash': `sha256:${hash.digest('hex')}`,
      ...(contentType !== '' && { 'content-type': contentType }),
    };
    const name = `invocations/${invocation}/artifacts/${escapePathSegment(artifactId)}`;
    await connection.retry(() => connection.put(name, { headers: all, path, bytes: size }));
    this.#count(size);
  }

  #count(bytes: number): void {
    this.#files += 1;
    this.#bytes += bytes;
  }

  async #reporting({ path }: ArtifactFile, fn: () => Promise<void>): Promise<void> {
    try {
      await fn();
    } catch (error) {
      if (!isOfFile(error)) throw error;
      const message = error instanceof ConnectError ? error.rawMessage : toError(error).message;
      this.problems.push({ file: path, line: 1, message, severity: 'error' });
    }
  }
}

/** Whether the fault is that of one file, so that others may be uploaded. */
function isOfFile(error: unknown): boolean {
  if (error instanceof ConnectError) {
    return error.code === Code.AlreadyExists || error.code === Code.InvalidArgument;
  }
  return error instanceof Error && 'syscall' in error && 'path' in error;
}
