import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeArray, encodeArray } from './array-literal.ts';
import { columnDecoder, decodeValue, encodeValue } from './types.ts';

test('arrays come back unchanged', () => {
  const element = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('NULL', '{', '"', '\\', ','),
  );
  fc.assert(
    fc.property(fc.array(fc.option(element)), (elements) => {
      expect(decodeArray(encodeArray(elements))).toEqual(elements);
    }),
  );
});

test('arrays as the server writes them are read', () => {
  expect(decodeArray('{}')).toEqual([]);
  expect(decodeArray('{a,NULL,"NULL","b c","\\"q\\"",""}')).toEqual([
    'a',
    null,
    'NULL',
    'b c',
    '"q"',
    '',
  ]);
});

test.each(['', 'a', '{', '{"a}', '{{1},{2}}', '[0:1]={1,2}'])('%j is not an array', (literal) => {
  expect(() => decodeArray(literal)).toThrow('expected a one-dimensional array');
});

test('times are read in any zone in which a session shows them', () => {
  const utc = Date.UTC(2026, 0, 2, 3, 4, 5) + 0.25;
  expect(decodeValue('timestamp', '2026-01-02 03:04:05.00025+00')).toBe(utc);
  expect(decodeValue('timestamp', '2026-01-02 08:34:05.00025+05:30')).toBe(utc);
  expect(decodeValue('timestamp', '2026-01-01 19:04:05.00025-08')).toBe(utc);
  expect(decodeValue('timestamp', '1880-01-01 00:53:28+00:53:28')).toBe(Date.UTC(1880, 0, 1));
});

test('times that are not in ISO form are refused', () => {
  expect(() => decodeValue('timestamp', '02/01/2026 03:04:05 UTC')).toThrow('expected an ISO time');
  expect(() => decodeValue('timestamp', 'infinity')).toThrow('expected an ISO time');
});

test('a time is rounded to the microsecond', () => {
  expect(encodeValue('timestamp', 0.0004)).toBe('1970-01-01T00:00:00.000000Z');
  expect(encodeValue('timestamp', 0.0006)).toBe('1970-01-01T00:00:00.000001Z');
  expect(encodeValue('timestamp', -0.001)).toBe('1969-12-31T23:59:59.999999Z');
});

test('values of the wrong type are refused', () => {
  for (const [kind, value] of [
    ['text', 1],
    ['int', '1'],
    ['bool', 'true'],
    ['bytes', 'ab'],
    ['text[]', 'a'],
    ['timestamp', '2026-01-01'],
  ] as const) {
    expect(() => encodeValue(kind, value)).toThrow('expected');
  }
});

test('a stored number beyond 2^53 is data loss, not another number', () => {
  expect(() => decodeValue('int', '9007199254740993')).toThrow('beyond 2^53');
});

test('equal lists that follow one another in a column are one array', () => {
  const decode = columnDecoder('text[]');
  const cells = ['{a,b}', '{a,b}', null, null, '{}', '{a}', '{a,b}'];
  const values = cells.map(decode);
  expect(values).toEqual([['a', 'b'], ['a', 'b'], undefined, undefined, [], ['a'], ['a', 'b']]);
  expect(values[1]).toBe(values[0]);
});

test('times of a column are the same one by one and in turn, whatever came before them', () => {
  const decode = columnDecoder('timestamp');
  const cells = [
    '2026-03-01 10:00:00.25+00',
    '2026-03-01 10:00:00.000001+00',
    '2026-03-01 10:00:00+00',
    null,
    '2026-03-01 10:00:01.5+00',
    '2026-03-01 12:00:01.5+02',
    '0044-03-15 12:00:00+00',
    '2026-03-01 10:00:01.5+00',
  ];
  expect(cells.map(decode)).toEqual(cells.map((cell) => decodeValue('timestamp', cell)));
});

test('bytes are never shared, as they can be written to', () => {
  const decode = columnDecoder('bytes[]');
  expect(decode('{"\\\\x01"}')).not.toBe(decode('{"\\\\x01"}'));
});
