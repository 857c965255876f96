/**
 * Results on their way to a server. They are encoded in small groups as soon as they are known, so a batch is
 * one buffer instead of some ten thousand objects, which the collector would copy for as long as the batch
 * is under way.
 */
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  type BatchCreateTestResultsRequest,
  BatchCreateTestResultsRequestSchema,
} from '../../gen/luci/resultdb/v1/recorder_pb.js';
import type { TestResult, TestResultSchema } from '../../gen/luci/resultdb/v1/test_result_pb.js';
import { MAX_BATCH_REQUESTS } from '../../results/limits.ts';

export type TestResultMessage = MessageInitShape<typeof TestResultSchema>;

/** Well within what servers accept, also with the group that exceeds it. */
const MAX_BYTES = 2_000_000;
/** Encoding one by one would take a buffer for each. */
const GROUP = 25;
const SMALLEST = 64 * 1024;
const LENGTH_DELIMITED = 2;

export class ResultBatch {
  #buffer = Buffer.allocUnsafeSlow(SMALLEST);
  #length = 0;
  #group: TestResultMessage[] = [];
  #count = 0;

  static of(results: Iterable<TestResultMessage>): ResultBatch {
    const batch = new ResultBatch();
    for (const result of results) batch.add(result);
    return batch;
  }

  get count(): number {
    return this.#count;
  }

  get isFull(): boolean {
    return this.#count >= MAX_BATCH_REQUESTS || this.#length >= MAX_BYTES;
  }

  get bytes(): number {
    return this.#encoded().length;
  }

  add(result: TestResultMessage): void {
    this.#count += 1;
    if (this.#group.push(result) === GROUP) this.#encodeGroup();
  }

  /** The codec writes unknown fields as they are, so nothing is encoded again. */
  requestFor(invocation: string): BatchCreateTestResultsRequest {
    const request = create(BatchCreateTestResultsRequestSchema, { invocation });
    const encoded = this.#encoded();
    if (encoded.length === 0) return request;
    const { number: no } = BatchCreateTestResultsRequestSchema.field.requests;
    // The codec writes the first tag, which has one byte; all others are among the data.
    request.$unknown = [{ no, wireType: LENGTH_DELIMITED, data: encoded.subarray(1) }];
    return request;
  }

  results(): TestResult[] {
    const { requests } = fromBinary(BatchCreateTestResultsRequestSchema, this.#encoded());
    return requests.flatMap(({ testResult }) => testResult ?? []);
  }

  #encoded(): Uint8Array {
    this.#encodeGroup();
    return this.#buffer.subarray(0, this.#length);
  }

  /** Encoded messages of one type, one after another, are one message with all their lists. */
  #encodeGroup(): void {
    if (this.#group.length === 0) return;
    const requests = this.#group.map((testResult) => ({ testResult }));
    const message = create(BatchCreateTestResultsRequestSchema, { requests });
    const bytes = toBinary(BatchCreateTestResultsRequestSchema, message);
    const length = this.#length + bytes.length;
    if (length > this.#buffer.length) this.#grow(length);
    this.#buffer.set(bytes, this.#length);
    this.#length = length;
    this.#group = [];
  }

  #grow(length: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#buffer.length));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}
