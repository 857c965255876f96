import { create } from '@bufbuild/protobuf';
import { DurationSchema, TimestampSchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromDuration, fromTimestamp, toDuration, toTimestamp } from './timestamp.ts';

const duration = (seconds: bigint, nanos = 0) => create(DurationSchema, { seconds, nanos });
const timestamp = (seconds: bigint, nanos = 0) => create(TimestampSchema, { seconds, nanos });

test('times keep their microseconds', () => {
  const micros = fc.integer({ min: -2_208_988_800_000_000, max: 4_102_444_800_000_000 });
  fc.assert(
    fc.property(micros, (value) => {
      const time = value / 1000;
      return Math.round(fromTimestamp(toTimestamp(time)) * 1000) === value;
    }),
  );
});

test('times before 1970 have nanos that are not negative', () => {
  expect(toTimestamp(-0.5)).toMatchObject({ seconds: -1n, nanos: 999_500_000 });
});

test('durations keep their microseconds and lose finer digits', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (micros) => fromDuration(toDuration(micros)) === micros),
  );
  expect(fromDuration(duration(1n, 1_999))).toBe(1_000_001);
  expect(fromDuration(duration(-1n, -1_999))).toBe(-1_000_001);
  expect(() => fromDuration(duration(315_576_000_000n, 0))).toThrow('is out of range');
});

test.each([
  timestamp(-62_135_596_801n),
  timestamp(253_402_300_800n),
  timestamp(0n, -1),
  timestamp(0n, 1_000_000_000),
])('refuses the timestamp $seconds s $nanos ns', (value) => {
  expect(() => fromTimestamp(value)).toThrow('out of range');
});

test.each([
  duration(315_576_000_001n),
  duration(-315_576_000_001n),
  duration(0n, 1_000_000_000),
  duration(1n, -1),
  duration(-1n, 1),
])('refuses the duration $seconds s $nanos ns', (value) => {
  expect(() => fromDuration(value)).toThrow(/out of range|differ in sign/);
});
