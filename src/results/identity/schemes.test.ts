import { expect, test } from 'vitest';
import { Schemes } from './schemes.ts';
import { parseFlatId } from './structured-id.ts';

const schemes = new Schemes();

test.each(['any text', ':m!flat::#x', ':m!gtest::Suite#x', ':m!junit:pkg:Class#x'])(
  'accepts %s',
  (testId) => {
    schemes.check(parseFlatId(testId));
  },
);

test.each([
  [
    ':m!nosuch::#x',
    'module_scheme: scheme "nosuch" is not a known scheme by the ResultDB deployment; see go/resultdb-schemes for instructions how to define a new scheme',
  ],
  [':m!junit::Class#x', 'coarse_name: required, please set a Package (scheme "junit")'],
  [':m!gtest::#x', 'fine_name: required, please set a Suite (scheme "gtest")'],
  [':m!gtest:a:b#x', 'coarse_name: expected empty value (level is not defined by scheme "gtest")'],
  [
    ':m!gtest::a_b#x',
    'fine_name: does not match validation regexp "^[^_]+$", please set a valid Suite (scheme "gtest")',
  ],
])('refuses %s', (testId, message) => {
  expect(() => schemes.check(parseFlatId(testId))).toThrow(message);
});

test('schemes of its own replace the usual ones, but for that of plain ids', () => {
  const own = new Schemes([
    { id: 'own', humanReadableName: 'Own', case: { humanReadableName: 'Case' } },
  ]);
  expect(own.list().map(({ id }) => id)).toEqual(['legacy', 'own']);
});
