import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { type TestResult, TestResultSchema } from '../../gen/luci/resultdb/v1/test_result_pb.js';
import { applyReadMask, parseReadMask } from './read-mask.ts';

function full(): TestResult {
  return create(TestResultSchema, {
    name: 'n',
    testId: 't',
    tags: [{ key: 'k', value: 'v' }],
    variant: { def: { a: 'b' } },
    testMetadata: { name: 'm', location: { repo: 'r', fileName: '//f', line: 3 } },
  });
}

function masked(...paths: readonly string[]): TestResult {
  return applyReadMask(TestResultSchema, full(), parseReadMask(TestResultSchema, paths));
}

test('keeps the fields that it names, and no others', () => {
  expect(masked('test_id', 'tags')).toEqual(
    create(TestResultSchema, { testId: 't', tags: [{ key: 'k', value: 'v' }] }),
  );
});

test('keeps nested fields', () => {
  expect(masked('test_metadata.location.line', 'test_metadata.name')).toEqual(
    create(TestResultSchema, { testMetadata: { name: 'm', location: { line: 3 } } }),
  );
});

test('a field named as a whole takes precedence over a part of it, in either order', () => {
  const whole = create(TestResultSchema, { testMetadata: full().testMetadata });
  expect(masked('test_metadata', 'test_metadata.name')).toEqual(whole);
  expect(masked('test_metadata.name', 'test_metadata')).toEqual(whole);
});

test('a star keeps all fields', () => {
  expect(masked('*', 'name')).toEqual(full());
});

test('a message that is not set stays unset', () => {
  const mask = parseReadMask(TestResultSchema, ['test_metadata.name']);
  const empty = create(TestResultSchema);
  expect(applyReadMask(TestResultSchema, empty, mask).testMetadata).toBeUndefined();
});

test.each([
  ['nothing', 'no field "nothing" in TestResult'],
  ['', 'no field "" in TestResult'],
  ['testId', 'no field "testId" in TestResult'],
  ['name.first', 'field "name" has no fields to choose from'],
  ['tags.key', 'field "tags" has no fields to choose from'],
  ['test_metadata.nothing', 'no field "nothing" in TestMetadata'],
])('refuses the path %j', (path, message) => {
  expect(() => parseReadMask(TestResultSchema, [path])).toThrow(message);
});
