import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { BatchCreateTestResultsRequestSchema } from '../../gen/luci/resultdb/v1/recorder_pb.js';
import { ResultBatch } from './result-batch.ts';

const result = (index: number, summaryHtml = '') => ({
  testId: `test ${index}`,
  resultId: `r${index}`,
  variant: { def: { os: 'linux' } },
  summaryHtml,
});

function sent(batch: ResultBatch) {
  const bytes = toBinary(BatchCreateTestResultsRequestSchema, batch.requestFor('invocations/x'));
  return fromBinary(BatchCreateTestResultsRequestSchema, bytes);
}

test.each([0, 1, 24, 25, 26, 500])('a request has all %i results, in their order', (count) => {
  const results = Array.from({ length: count }, (_, index) => result(index));
  const batch = ResultBatch.of(results);
  const request = sent(batch);
  expect(request.invocation).toBe('invocations/x');
  expect(request.requests.map(({ testResult }) => testResult)).toMatchObject(results);
  expect(batch.results()).toMatchObject(results);
  expect(batch.count).toBe(count);
});

test('a batch is full with 500 results, or with two megabytes', () => {
  const many = ResultBatch.of(Array.from({ length: 499 }, (_, index) => result(index)));
  expect(many.isFull).toBe(false);
  many.add(result(499));
  expect(many.isFull).toBe(true);
  const large = new ResultBatch();
  while (!large.isFull) large.add(result(large.count, 'x'.repeat(10_000)));
  expect([large.count, large.results().length]).toEqual([200, 200]);
  expect(large.bytes).toBeGreaterThan(2_000_000);
});

test('a request can be made again, and is the same', () => {
  const batch = ResultBatch.of([result(1), result(2)]);
  expect(sent(batch)).toEqual(sent(batch));
});
