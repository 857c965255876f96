import { describe, expect, it } from 'vitest';
import { millisecondsOf, zonedTimeOf } from './time.ts';

describe('millisecondsOf', () => {
  it.each([
    ['0.5', 500],
    [' 0.5 ', 500],
    ['1e-3', 1],
    ['1,234.5', 1_234_500],
    ['12,345,678', 12_345_678_000],
    ['-0.000000', 0],
  ])('reads %j', (text, milliseconds) => {
    expect(millisecondsOf(text)).toBe(milliseconds);
  });

  it.each([
    undefined,
    '',
    'NaN',
    'Infinity',
    '1e400',
    '99999999999999999999',
    '-0.5',
    '1,5',
    'soon',
  ])('takes %j as unknown', (text) => {
    expect(millisecondsOf(text)).toBeUndefined();
  });
});

describe('zonedTimeOf', () => {
  it.each([
    ['2026-01-02T03:04:05Z', Date.UTC(2026, 0, 2, 3, 4, 5)],
    ['2026-01-02T03:04:05.678+01:00', Date.UTC(2026, 0, 2, 2, 4, 5, 678)],
    ['2026-01-02T03:04:05', undefined],
    ['1970-01-01T00:00:00Z', undefined],
    ['yesterdayTZ', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('reads %j as %j', (text, time) => {
    expect(zonedTimeOf(text)).toBe(time);
  });
});
