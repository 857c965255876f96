import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  fromRowId,
  type InvocationId,
  invocationName,
  isAmong,
  parseInvocationId,
  parseInvocationName,
  toRowId,
  toRowOrder,
} from './id.ts';

const characters = 'abcdefghijklmnopqrstuvwxyz0123456789_-:.';
const ids = fc
  .string({ unit: fc.constantFrom(...characters), maxLength: 99 })
  .map((rest) => `a${rest}` as InvocationId);

describe('ids', () => {
  test.each(['a', 'build-8800', 'u:x.y_z-1', 'a'.repeat(100)])('accepts %j', (id) => {
    expect(parseInvocationId(id)).toBe(id);
  });

  test.each(['', 'A', '1a', '-a', 'a b', 'ä', 'a/b', 'a\n', 'a\0', 'a'.repeat(101)])(
    'refuses %j',
    (id) => {
      expect(() => parseInvocationId(id)).toThrow(
        expect.objectContaining({ code: 'invalid-argument' }),
      );
    },
  );

  test.each(['', 'a', 'invocations/', 'invocations/A', 'invocation/a', 'invocations/a/tests/b'])(
    'refuses the name %j',
    (name) => {
      expect(() => parseInvocationName(name)).toThrow(
        expect.objectContaining({ code: 'invalid-argument' }),
      );
    },
  );

  test('a name parses to its id', () => {
    fc.assert(fc.property(ids, (id) => parseInvocationName(invocationName(id)) === id));
  });
});

describe('row ids', () => {
  test.each([
    ['a', 'ca978112:a'],
    ['b', '3e23e816:b'],
    ['inv', '89270a50:inv'],
  ])('of %s is that of the reference', (id, rowId) => {
    expect(toRowId(id as InvocationId)).toBe(rowId);
  });

  test('parse to their ids', () => {
    fc.assert(fc.property(ids, (id) => fromRowId(toRowId(id)) === id));
  });

  test('are reported if they are damaged', () => {
    for (const damaged of ['', 'a', 'ca978112a']) {
      expect(() => fromRowId(damaged)).toThrow(expect.objectContaining({ code: 'data-loss' }));
    }
  });

  test('are returned in the order of rows, each once', () => {
    const [a, b] = ['a' as InvocationId, 'b' as InvocationId];
    expect(toRowOrder([a, b, a])).toEqual(['3e23e816:b', 'ca978112:a']);
  });
});

test('an invocation is among row ids exactly if its own is one of them', () => {
  const all = Array.from({ length: 20 }, (_, index) => `run-${index}` as InvocationId);
  for (let count = 0; count <= all.length; count++) {
    const rowIds = toRowOrder(all.slice(0, count));
    expect(all.filter((id) => isAmong(rowIds, id))).toEqual(all.slice(0, count));
  }
});
