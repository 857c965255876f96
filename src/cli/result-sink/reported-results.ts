/**
 * What the command has reported itself. It is kept in files until `record` ends, and results are sent to the
 * server while the command runs. If that fails, for whatever reason, all of them are sent again at the end, or
 * go to the spool. The id of a result is fixed once it is here, so sending it again changes nothing.
 */
import { hash } from 'node:crypto';
import { join } from 'node:path';
import { type Clock, Mutex } from '@postlude/queue/foundations';
import {
  type TestExoneration,
  TestExonerationSchema,
  TestResultSchema,
} from '../../gen/luci/resultdb/v1/test_result_pb.js';
import { ResultBatch } from '../../ingest/results/result-batch.ts';
import { MAX_BATCH_REQUESTS } from '../../results/limits.ts';
import { withoutFuture } from '../reports/past-results.ts';
import type { ResultSink } from '../reports/upload-reports.ts';
import { Journal } from './journal.ts';
import type { PreparedResult } from './prepared.ts';

export interface ReportedCounts {
  readonly results: number;
  readonly unexpected: number;
  readonly exonerations: number;
  /** These are only counted. */
  readonly artifacts: number;
}

export interface ReportedParts {
  readonly clock: Clock;
  /** An empty folder. */
  readonly folder: string;
  /** Names the recording: ids that are made here begin with a part of it. */
  readonly recorder: string;
  /** The sink that results go to while the command runs; none if the server is away. */
  readonly live: ResultSink | undefined;
}

/** How long a result waits for others before it is sent. */
const BATCH_AGE_MS = 1_000;
const ID_BASE_LENGTH = 8;
const REQUEST_ID_LENGTH = 32;

export class ReportedResults {
  readonly #clock: Clock;
  readonly #recorder: string;
  readonly #results: Journal<typeof TestResultSchema>;
  readonly #exonerations: Journal<typeof TestExonerationSchema>;
  readonly #inOrder = new Mutex();
  readonly #ending = new AbortController();
  /** Resolves to true if the server has all results. */
  readonly #uploaded: Promise<boolean>;
  #wake: () => void = () => undefined;
  #lastId = 0;
  #counts: ReportedCounts = { results: 0, unexpected: 0, exonerations: 0, artifacts: 0 };

  private constructor(
    { clock, live, recorder }: ReportedParts,
    results: Journal<typeof TestResultSchema>,
    exonerations: Journal<typeof TestExonerationSchema>,
  ) {
    this.#clock = clock;
    this.#recorder = recorder;
    this.#results = results;
    this.#exonerations = exonerations;
    this.#uploaded = live === undefined ? Promise.resolve(false) : this.#tryUpload(live);
  }

  static async open(parts: ReportedParts): Promise<ReportedResults> {
    const { folder } = parts;
    const results = await Journal.open(TestResultSchema, join(folder, 'results'));
    const exonerations = await Journal.open(TestExonerationSchema, join(folder, 'exonerations'));
    return new ReportedResults(parts, results, exonerations);
  }

  get counts(): ReportedCounts {
    return this.#counts;
  }

  nextResultId(): string {
    this.#lastId += 1;
    const base = this.#recorder.slice(0, ID_BASE_LENGTH);
    return `${base}-${String(this.#lastId).padStart(5, '0')}`;
  }

  /** Returns once the results are in their file, after those of earlier calls. */
  async addResults(prepared: readonly PreparedResult[]): Promise<void> {
    await this.#inOrder.run(() => this.#results.append(prepared.map(({ result }) => result)));
    this.#wake();
    const { results, unexpected } = this.#counts;
    this.#counts = {
      ...this.#counts,
      results: results + prepared.length,
      unexpected: unexpected + prepared.filter(({ expected }) => !expected).length,
    };
  }

  async addExonerations(exonerations: readonly TestExoneration[]): Promise<void> {
    await this.#inOrder.run(() => this.#exonerations.append(exonerations));
    const count = this.#counts.exonerations + exonerations.length;
    this.#counts = { ...this.#counts, exonerations: count };
  }

  countArtifacts(count: number): void {
    this.#counts = { ...this.#counts, artifacts: this.#counts.artifacts + count };
  }

  /** Call once nothing more is added. Returns true if the server has all results. */
  async endUpload(): Promise<boolean> {
    this.#ending.abort();
    this.#wake();
    return await this.#uploaded;
  }

  /** Sends everything that was reported; without results if the target has them. */
  async sendTo(sink: ResultSink, { hasResults }: { readonly hasResults: boolean }): Promise<void> {
    if (!hasResults) await this.#sendResults(sink, 0);
    await this.#sendExonerations(sink);
  }

  async close(): Promise<void> {
    await this.endUpload();
    await this.#results.close();
    await this.#exonerations.close();
  }

  /** What is wrong is found again at the end, and told then. */
  async #tryUpload(sink: ResultSink): Promise<boolean> {
    try {
      for (let sent = 0; await this.#hasMore(sent); ) {
        await this.#clock.sleep(BATCH_AGE_MS, this.#ending.signal);
        sent = await this.#sendResults(sink, sent);
      }
      await sink.end();
      return true;
    } catch {
      return false;
    }
  }

  /** Waits for results after this place. Returns false if there will be none. */
  async #hasMore(sent: number): Promise<boolean> {
    if (sent === this.#results.length && !this.#ending.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return sent < this.#results.length;
  }

  /** Returns the place up to which results were sent. */
  async #sendResults(sink: ResultSink, from: number): Promise<number> {
    const to = this.#results.length;
    if (from === to) return to;
    const now = this.#clock.now() - (await sink.aheadMs());
    let batch = new ResultBatch();
    for await (const result of this.#results.read(from, to)) {
      batch.add(withoutFuture(result, now));
      if (!batch.isFull) continue;
      await sink.send(batch);
      batch = new ResultBatch();
    }
    if (batch.count > 0) await sink.send(batch);
    return to;
  }

  /** The batches are the same each time, and a server knows each by its request id. */
  async #sendExonerations(sink: ResultSink): Promise<void> {
    let index = 0;
    for await (const batch of inBatches(this.#exonerations.read())) {
      const requestId = hash('sha256', `${this.#recorder} ${index}`).slice(0, REQUEST_ID_LENGTH);
      await sink.exonerate(batch, requestId);
      index += 1;
    }
  }
}

async function* inBatches(
  messages: AsyncIterable<TestExoneration>,
): AsyncGenerator<TestExoneration[]> {
  let batch: TestExoneration[] = [];
  for await (const message of messages) {
    batch.push(message);
    if (batch.length < MAX_BATCH_REQUESTS) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
