import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  exclude,
  formatPartition,
  idRangeOf,
  onlyIn,
  type Partition,
  parsePartition,
  partitionOf,
  spanInclusive,
  splitAfter,
  splitPartition,
  UNIVERSE,
} from './partition.ts';

const SPACE = 2n ** 128n;

/** Bounds near both ends of the space, and anywhere in it: mistakes hide at bounds that meet. */
const bound = fc.oneof(
  fc.bigInt({ min: 0n, max: 40n }),
  fc.bigInt({ min: SPACE - 40n, max: SPACE }),
  fc.bigInt({ min: 0n, max: SPACE }),
);
const partition = fc
  .tuple(bound, bound)
  .filter(([a, b]) => a !== b)
  .map(([a, b]): Partition => (a < b ? { low: a, high: b } : { low: b, high: a }));
const near = fc
  .tuple(fc.bigInt({ min: 0n, max: 60n }), fc.bigInt({ min: 1n, max: 20n }))
  .map(([low, length]): Partition => ({ low, high: low + length }));
const id = fc.bigInt({ min: 0n, max: SPACE - 1n }).map(idOf);
const nearId = fc.bigInt({ min: 0n, max: 80n }).map(idOf);

function idOf(value: bigint | number): string {
  return value.toString(16).padStart(32, '0');
}

function between(low: bigint | number, high: bigint | number): Partition {
  return { low: BigInt(low), high: BigInt(high) };
}

/** Compares ids as the database does. */
function holds(part: Partition, wanted: string): boolean {
  const { low, high } = idRangeOf(part);
  return low <= wanted && wanted < high;
}

function texts(parts: readonly Partition[]): string[] {
  return parts.map(formatPartition);
}

function expectCover(parts: readonly Partition[], whole: Partition | undefined): void {
  expect(parts[0]?.low).toBe(whole?.low);
  expect(parts.at(-1)?.high).toBe(whole?.high);
  for (const [index, part] of parts.entries()) {
    expect(part.low).toBeLessThan(part.high);
    if (index > 0) expect(part.low).toBe(parts[index - 1]?.high);
  }
}

describe('the text form of a partition', () => {
  test('has the bounds in hexadecimal digits', () => {
    expect(formatPartition(between(0, 256))).toBe('0_100');
    expect(parsePartition('f0_ff')).toEqual(between(240, 255));
    expect(formatPartition(UNIVERSE)).toBe(`0_1${'0'.repeat(32)}`);
  });

  test('is parsed as the same partition', () => {
    fc.assert(
      fc.property(partition, (part) => {
        expect(parsePartition(formatPartition(part))).toEqual(part);
      }),
    );
  });

  test.each(['', '_', '10_', '_1', '-1_5', '5_1', '5_5', '0x1_5', '1_5_7', ' 1_5', '1_g', 'A_F'])(
    'is not %j',
    (text) => expect(() => parsePartition(text)).toThrow('is not a range of reminders'),
  );

  test('never exceeds the space of ids', () => {
    expect(() => parsePartition(`0_1${'0'.repeat(31)}1`)).toThrow('is not a range');
    expect(() => parsePartition(`0_${'1'.repeat(5_000)}`)).toThrow('is not a range');
  });
});

describe('the bounds of ids', () => {
  test('are padded, and the end of the space sorts after all ids', () => {
    expect(idRangeOf(between(1, 255))).toEqual({ low: idOf(1), high: idOf(255) });
    expect(idRangeOf(UNIVERSE)).toEqual({ low: '0'.repeat(32), high: 'g' });
  });

  test('can be turned back into their partition', () => {
    fc.assert(
      fc.property(partition, (part) => {
        expect(partitionOf(idRangeOf(part))).toEqual(part);
      }),
    );
  });

  test('contain the same ids as the numbers do', () => {
    fc.assert(
      fc.property(partition, bound, (part, value) => {
        if (value === SPACE) return;
        expect(holds(part, idOf(value))).toBe(part.low <= value && value < part.high);
      }),
    );
  });
});

describe('a span', () => {
  test('includes both its ends', () => {
    expect(spanInclusive(idOf(5), idOf(7))).toEqual(between(5, 8));
    expect(spanInclusive(idOf(5), idOf(5))).toEqual(between(5, 6));
    expect(spanInclusive('0'.repeat(32), 'f'.repeat(32))).toEqual(UNIVERSE);
  });

  test.each(['', 'g', 'F'.repeat(32), '0'.repeat(31), '0'.repeat(33)])('has no end %j', (wrong) =>
    expect(() => spanInclusive(wrong, wrong)).toThrow('is not the id of a reminder'),
  );
});

describe('a split', () => {
  test('is even if possible, and otherwise has a shorter last part', () => {
    expect(texts(splitPartition(between(0, 16), 4))).toEqual(['0_4', '4_8', '8_c', 'c_10']);
    expect(texts(splitPartition(between(0, 10), 3))).toEqual(['0_4', '4_8', '8_a']);
    expect(texts(splitPartition(between(3, 4), 5))).toEqual(['3_4']);
  });

  test('covers the partition exactly, in at most the given number of parts', () => {
    fc.assert(
      fc.property(partition, fc.integer({ min: 1, max: 100 }), (whole, count) => {
        const parts = splitPartition(whole, count);
        expectCover(parts, whole);
        expect(parts.length).toBeLessThanOrEqual(count);
      }),
    );
  });

  test('has each id in exactly one part', () => {
    fc.assert(
      fc.property(id, fc.integer({ min: 1, max: 100 }), (wanted, count) => {
        const parts = splitPartition(UNIVERSE, count).filter((part) => holds(part, wanted));
        expect(parts).toHaveLength(1);
      }),
    );
  });
});

describe('a split after the last id that was seen', () => {
  const whole = between(0, 400);

  test('has as many parts as the density requires', () => {
    const density = { last: idOf(99), seen: 10, target: 10, maxParts: 100 };
    expect(texts(splitAfter(whole, density))).toEqual(['64_c8', 'c8_12c', '12c_190']);
  });

  test('has no more parts than are allowed', () => {
    const density = { last: idOf(99), seen: 10, target: 10, maxParts: 2 };
    expect(texts(splitAfter(whole, density))).toEqual(['64_fa', 'fa_190']);
  });

  test('rounds up', () => {
    const density = { last: idOf(99), seen: 9, target: 10, maxParts: 100 };
    expect(splitAfter(whole, density)).toHaveLength(3);
  });

  test('has no parts if nothing is left', () => {
    const density = { last: idOf(399), seen: 9, target: 10, maxParts: 100 };
    expect(splitAfter(whole, density)).toEqual([]);
  });

  test('covers exactly what follows', () => {
    const counts = fc.integer({ min: 1, max: 10_000 });
    fc.assert(
      fc.property(partition, fc.nat(), counts, counts, counts, (part, at, seen, target, max) => {
        const last = part.low + (BigInt(at) % (part.high - part.low));
        const parts = splitAfter(part, { last: idOf(last), seen, target, maxParts: max });
        const rest = last + 1n < part.high ? between(last + 1n, part.high) : undefined;
        expectCover(parts, rest);
        expect(parts.length).toBeLessThanOrEqual(max);
      }),
    );
  });
});

describe('an exclusion', () => {
  const whole = between(10, 20);

  test.each<[string, Partition[], string[]]>([
    ['nothing', [], ['a_14']],
    ['what is elsewhere', [between(0, 10), between(20, 30)], ['a_14']],
    ['the middle', [between(13, 15)], ['a_d', 'f_14']],
    ['the front', [between(5, 12)], ['c_14']],
    ['the back', [between(18, 25)], ['a_12']],
    ['several', [between(11, 12), between(14, 15), between(19, 40)], ['a_b', 'c_e', 'f_13']],
    ['everything', [between(0, 15), between(15, 40)], []],
  ])('cuts out %s', (_, others, left) => expect(texts(exclude(whole, others))).toEqual(left));

  test('leaves what is in none of the others, in order', () => {
    fc.assert(
      fc.property(near, fc.array(near, { maxLength: 6 }), nearId, (part, others, wanted) => {
        const left = exclude(part, others);
        const isLeft = holds(part, wanted) && !others.some((other) => holds(other, wanted));
        expect(left.filter((one) => holds(one, wanted))).toHaveLength(isLeft ? 1 : 0);
        expect(left).toEqual(left.toSorted((a, b) => (a.low < b.low ? -1 : 1)));
      }),
    );
  });
});

describe('a selection', () => {
  test('has the ids that are in one of the partitions', () => {
    const ids = [0x00, 0x02, 0x08, 0x0f, 0x70, 0xf1, 0xff].map(idOf);
    const selected = onlyIn(ids, [between(1, 3), between(0xf, 0x10), between(0xf0, 0xff)]);
    expect(selected).toEqual([0x02, 0x0f, 0xf1].map(idOf));
  });

  test('equals the result of a search through all ids', () => {
    fc.assert(
      fc.property(near, fc.array(near, { maxLength: 6 }), fc.array(nearId), (part, cuts, some) => {
        const ids = [...new Set(some)].sort();
        const parts = exclude(part, cuts);
        const expected = ids.filter((one) => parts.some((other) => holds(other, one)));
        expect(onlyIn(ids, parts)).toEqual(expected);
      }),
    );
  });
});
