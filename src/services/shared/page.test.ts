import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type QueryTestResultsRequest,
  QueryTestResultsRequestSchema,
} from '../../gen/luci/resultdb/v1/resultdb_pb.js';
import {
  type DeadTask,
  DeadTaskSchema,
  ListDeadTasksResponseSchema,
} from '../../gen/postlude/v1/tasks_pb.js';
import { cutPage, PageTokens, pageSize, RESULT_PAGES } from './page.ts';

type Init = Parameters<typeof create<typeof QueryTestResultsRequestSchema>>[1];

function request(init: Init = {}): QueryTestResultsRequest {
  return create(QueryTestResultsRequestSchema, { invocations: ['invocations/a'], ...init });
}

function tokensOf(init: Init = {}): PageTokens {
  return PageTokens.of(QueryTestResultsRequestSchema, request(init));
}

function containing(def: Record<string, string>): Init {
  return { predicate: { variant: { predicate: { case: 'contains', value: { def } } } } };
}

test('a token decodes to the position that it was made from', () => {
  const positions = fc.array(fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()));
  fc.assert(
    fc.property(positions, (position) => {
      const pageToken = tokensOf().next(position);
      expect(tokensOf({ pageToken }).position(position.length)).toEqual(position);
    }),
  );
});

test('no token means the first page', () => {
  expect(tokensOf().position(3)).toBeUndefined();
});

test('a request that has no JSON form is the fault of the caller', () => {
  expect(() => tokensOf({ readMask: { paths: ['*', 'testId'] } })).toThrow(
    expect.objectContaining({ code: 'invalid-argument' }),
  );
});

test('the page size may change between pages', () => {
  const pageToken = tokensOf({ pageSize: 5 }).next(['a']);
  expect(tokensOf({ pageSize: 7, pageToken }).position(1)).toEqual(['a']);
});

test('the order of a map does not matter', () => {
  const pageToken = tokensOf(containing({ a: '1', b: '2' })).next(['a']);
  expect(tokensOf({ ...containing({ b: '2', a: '1' }), pageToken }).position(1)).toEqual(['a']);
});

test.each<[string, Init]>([
  ['other invocations', { invocations: ['invocations/b'] }],
  ['another predicate', { predicate: { testIdRegexp: 'x' } }],
  ['another mask', { readMask: { paths: ['name'] } }],
])('a token of a request with %s is refused', (_what, init) => {
  const pageToken = tokensOf(init).next(['a']);
  expect(() => tokensOf({ pageToken }).position(1)).toThrow(
    'page_token: not a token of this request',
  );
});

test('anything else is refused as a token', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), (pageToken) => {
      expect(() => tokensOf({ pageToken }).position(1)).toThrow('page_token');
    }),
  );
});

test('a token with another number of parts is refused', () => {
  const pageToken = tokensOf().next(['a', 'b']);
  expect(() => tokensOf({ pageToken }).position(3)).toThrow('page_token');
});

test.each([
  [0, 1000],
  [1, 1],
  [10_000, 10_000],
  [10_001, 10_000],
])('page size %i is %i', (requested, size) => {
  expect(pageSize(requested, RESULT_PAGES)).toBe(size);
});

test('a negative page size is refused', () => {
  expect(() => pageSize(-1, RESULT_PAGES)).toThrow('page_size: must not be negative');
});

test('a page of a list fits into a message of gRPC, and has at least one item', () => {
  const schema = DeadTaskSchema;
  const tasksOf = (count: number, bytes: number): DeadTask[] =>
    Array.from({ length: count }, (_, index) =>
      create(schema, { id: `${index}`, reason: 'r'.repeat(bytes) }),
    );
  const cut = (tasks: readonly DeadTask[], limit: number) => {
    const { last, messages } = cutPage(tasks, { limit, schema, toMessage: (task) => task });
    return [messages.length, last?.id];
  };
  expect(cut(tasksOf(3, 10), 4)).toEqual([3, undefined]);
  expect(cut(tasksOf(4, 10), 4)).toEqual([4, '3']);
  expect(cut([], 4)).toEqual([0, undefined]);
  expect(cut(tasksOf(3, 10_000_000), 4)).toEqual([1, '0']);
  expect(cut(tasksOf(1, 10_000_000), 4)).toEqual([1, undefined]);
  const { messages: tasks } = cutPage(tasksOf(1_000, 12_000), {
    limit: 1_000,
    schema,
    toMessage: (task) => task,
  });
  const page = create(ListDeadTasksResponseSchema, { tasks, nextPageToken: 't'.repeat(2_000) });
  const bytes = toBinary(ListDeadTasksResponseSchema, page).length;
  expect(bytes).toBeLessThan(4 * 1024 * 1024);
  expect(bytes).toBeGreaterThan(3.9e6);
});
