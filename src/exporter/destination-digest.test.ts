import { createHash } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BigQueryExportSchema } from '../gen/luci/resultdb/v1/invocation_pb.js';
import { digestDestination } from './destination-digest.ts';

const variantOf = (entries: readonly (readonly [string, string])[]) =>
  create(BigQueryExportSchema, {
    project: 'acme',
    dataset: 'tests',
    table: 'results',
    testResults: {
      predicate: {
        variant: { predicate: { case: 'equals', value: { def: Object.fromEntries(entries) } } },
      },
    },
  });

const hex = (...given: Parameters<typeof digestDestination>) =>
  digestDestination(...given).digest('hex');

test('the order of a variant’s pairs does not change the digest', () => {
  const pair = fc.tuple(fc.string(), fc.string());
  const pairs = fc.uniqueArray(pair, { selector: ([key]) => key });
  const shuffled = pairs.chain((entries) =>
    fc.tuple(
      fc.constant(entries),
      fc.shuffledSubarray(entries, { minLength: entries.length, maxLength: entries.length }),
    ),
  );
  fc.assert(
    fc.property(shuffled, ([entries, others]) => {
      expect(hex(variantOf(others))).toBe(hex(variantOf(entries)));
    }),
  );
});

test('another value of a pair, and another prefix, change the digest', () => {
  const destination = variantOf([['os', 'linux']]);
  expect(hex(variantOf([['os', 'mac']]))).not.toBe(hex(destination));
  expect(hex(destination, 'prefix')).not.toBe(hex(destination));
});

test('the destination itself keeps its order', () => {
  const destination = variantOf([
    ['os', 'linux'],
    ['arch', 'arm'],
  ]);
  const before = toBinary(BigQueryExportSchema, destination);
  digestDestination(destination);
  expect(toBinary(BigQueryExportSchema, destination)).toEqual(before);
});

test('exports made before maps were sorted are recognized if there was nothing to sort', () => {
  const destination = variantOf([['os', 'linux']]);
  const bytes = toBinary(BigQueryExportSchema, destination);
  expect(hex(destination)).toBe(createHash('sha256').update(bytes).digest('hex'));
});
