import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseInvocationId } from '../../invocations/id.ts';
import {
  exonerationName,
  parseExonerationName,
  parseTestResultName,
  testResultName,
} from './result-name.ts';

const invocationId = parseInvocationId('u-a:b');

test('a name escapes the test id as one path segment', () => {
  expect(testResultName({ invocationId, testId: 'a/b=c d', resultId: 'r' })).toBe(
    'invocations/u-a:b/tests/a%2Fb=c%20d/results/r',
  );
});

test('names of results and exonerations parse to what they were made from', () => {
  // Ids that begin with a colon or a star are not free.
  const testIds = fc
    .string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 40 })
    .map((id) => `a${id}`);
  fc.assert(
    fc.property(testIds, (testId) => {
      const result = { invocationId, testId, resultId: 'r' };
      expect(parseTestResultName(testResultName(result))).toEqual(result);
      const exoneration = { invocationId, testId, exonerationId: 'b1618cc2bf370a7c:d:0f' };
      expect(parseExonerationName(exonerationName(exoneration))).toEqual(exoneration);
    }),
  );
});

test.each([
  ['', 'not of the form'],
  ['invocations/u-a/tests/t', 'not of the form'],
  ['invocations/u-a/tests/t/results/', 'not of the form'],
  ['invocations/u-a/tests/a/b/results/r', 'not of the form'],
  ['invocations/u-a/tests/t/exonerations/r', 'not of the form'],
  ['invocations/u-a/tests/%zz/results/r', 'not of the form'],
  ['invocations/U/tests/t/results/r', 'not an invocation id'],
  ['invocations/u-a/tests/%07/results/r', "test_id: non-printable rune '\\a' at byte index 0"],
])('%j is no name of a result', (name, message) => {
  expect(() => parseTestResultName(name)).toThrow(message);
});
