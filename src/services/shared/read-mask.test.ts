import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { InvocationSchema } from '../../gen/luci/resultdb/v1/invocation_pb.js';
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

test('keeps the keys of a map that it names, and all of them with a star', () => {
  const def = { os: 'linux', 'a.b`c': 'x', arch: 'arm' };
  const defOf = (...paths: readonly string[]) => {
    const message = create(TestResultSchema, { variant: { def: { ...def } }, name: 'n' });
    const mask = parseReadMask(TestResultSchema, paths);
    return applyReadMask(TestResultSchema, message, mask).variant?.def;
  };
  expect(defOf('variant.def.os')).toEqual({ os: 'linux' });
  expect(defOf('variant.def.os', 'variant.def.arch')).toEqual({ os: 'linux', arch: 'arm' });
  expect(defOf('variant.def.`a.b``c`')).toEqual({ 'a.b`c': 'x' });
  expect(defOf('variant.def.none')).toEqual({});
  expect(defOf('variant.def.*')).toEqual(def);
  expect(defOf('variant.def.os', 'variant.def')).toEqual(def);
  expect(defOf('name')).toBeUndefined();
});

test('keeps fields of the items of a list', () => {
  expect(masked('tags.*.key').tags).toEqual(
    create(TestResultSchema, { tags: [{ key: 'k' }] }).tags,
  );
  expect(masked('tags.*').tags).toEqual(full().tags);
  expect(masked('tags.*.key', 'tags').tags).toEqual(full().tags);
  expect(masked('test_metadata.*').testMetadata).toEqual(full().testMetadata);
});

test('keeps fields of the values of a map', () => {
  const extendedProperties = { a: { x: 1, y: 2 }, b: { x: 3 } };
  const kept = (...paths: readonly string[]) => {
    const invocation = create(InvocationSchema, { extendedProperties: { ...extendedProperties } });
    const mask = parseReadMask(InvocationSchema, paths);
    return applyReadMask(InvocationSchema, invocation, mask).extendedProperties;
  };
  expect(kept('extended_properties.a.fields.x')).toEqual({ a: { x: 1 } });
  expect(kept('extended_properties.*.fields.y')).toEqual({ a: { y: 2 }, b: {} });
  expect(kept('extended_properties.b', 'extended_properties.*.fields.y')).toEqual({
    a: { y: 2 },
    b: { x: 3 },
  });
});

test('keeps a part of a Struct', () => {
  const result = create(TestResultSchema, { properties: { x: 1, y: 2 } });
  const mask = parseReadMask(TestResultSchema, ['properties.fields.x']);
  expect(applyReadMask(TestResultSchema, result, mask).properties).toEqual({ x: 1 });
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
  ['tags.key', 'expected a star after the list "tags", not "key"'],
  ['tags.*.nothing', 'no field "nothing" in StringPair'],
  ['variant.def.os.x', 'values of "def" have no fields to choose from'],
  ['*.name', 'no field "name" after a star'],
  ['test_metadata.', 'no field "" in TestMetadata'],
  ['variant.def.`os', 'is not a path'],
  ['test_metadata.nothing', 'no field "nothing" in TestMetadata'],
])('refuses the path %j', (path, message) => {
  expect(() => parseReadMask(TestResultSchema, [path])).toThrow(message);
});
