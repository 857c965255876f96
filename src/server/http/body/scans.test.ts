import { create, fromBinary, toBinary, toJsonString } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import {
  BatchCreateTestResultsRequestSchema as Batch,
  type BatchCreateTestResultsRequest,
} from '../../../gen/luci/resultdb/v1/recorder_pb.js';
import { scanJson } from './json-scan.ts';
import { MAX_DEPTH, MAX_FIELDS, MAX_KEYS, MAX_MESSAGES } from './message-weight.ts';
import { scanWire } from './wire-scan.ts';

/** A full batch, with far more tags than usual. */
function fullBatch(): BatchCreateTestResultsRequest {
  const tags = Array.from({ length: 60 }, (_, index) => ({ key: `k${index}`, value: 'v' }));
  const testResult = {
    testId: 'a',
    variant: { def: { os: 'linux', arch: 'arm' } },
    duration: { seconds: 1n, nanos: 5 },
    testMetadata: { name: 'a', location: { repo: 'r', fileName: '//a', line: 7 } },
    tags,
  };
  const requests = Array.from({ length: 500 }, () => ({ testResult }));
  return create(Batch, { invocation: 'invocations/a', requests, requestId: 'r' });
}

function repeated(unit: readonly number[], count: number): Uint8Array {
  return Buffer.alloc(unit.length * count, Buffer.from(unit));
}

const EMPTY_MESSAGE = [0x12, 0]; // `requests`, of no bytes
const UNKNOWN_NUMBER = [0x78, 0]; // field 15, which the schema lacks
const TOO_HEAVY = expect.objectContaining({ code: 'resource-exhausted' });
const MALFORMED = expect.objectContaining({ code: 'invalid-argument' });

test('a full batch of results passes, in both formats', () => {
  const batch = fullBatch();
  scanWire(Batch, toBinary(Batch, batch));
  scanJson(Buffer.from(toJsonString(Batch, batch)));
});

test.each([
  ['empty messages', EMPTY_MESSAGE, MAX_MESSAGES],
  ['unknown fields', UNKNOWN_NUMBER, MAX_FIELDS],
  ['unknown groups', [0x7b, 0x7c], MAX_MESSAGES],
  ['known fields that are set again and again', [0x0a, 0], MAX_FIELDS],
])('the number of %s is bounded', (_what, unit, limit) => {
  scanWire(Batch, repeated(unit, limit - 1));
  expect(() => scanWire(Batch, repeated(unit, limit + 1))).toThrow(TOO_HEAVY);
});

/** Each unit within `levels` messages: requests → test_result → tags. */
function nested(prefixes: readonly number[], inner: Uint8Array): Uint8Array {
  return prefixes.reduceRight<Uint8Array>((bytes, tag) => {
    const length: number[] = [];
    for (let left = bytes.length; ; left >>>= 7) {
      length.push(left > 0x7f ? (left & 0x7f) | 0x80 : left);
      if (left <= 0x7f) break;
    }
    return Buffer.concat([Buffer.from([tag, ...length]), bytes]);
  }, inner);
}

test('messages within messages count as well', () => {
  const tags = repeated([0x42, 0], MAX_MESSAGES); // TestResult.tags
  const request = nested([0x12, 0x12], tags);
  expect(() => scanWire(Batch, request)).toThrow(TOO_HEAVY);
});

test.each([
  ['a number in the place of a message', [0x10, 1]],
  ['a block in the place of a number', [0x12, 4, 0x12, 2, 0x2a, 0]],
  ['a field without its value', [0x0a]],
  ['a block that is longer than the message', [0x0a, 5, 0x61]],
  [
    'a block that is longer than the message that contains it',
    [0x12, 2, 0x12, 9, 0x0a, 0, 0, 0, 0, 0, 0],
  ],
  ['a number of 11 bytes', [0x78, ...repeated([0x80], 11)]],
  ['a group without an end', [0x7b, 0x08, 0x01]],
  ['an end without a group', [0x7c]],
  ['a wire type that does not exist', [0x7e]],
  ['the field number 0', [0x00, 0x00]],
])('%s is malformed', (_what, bytes) => {
  expect(() => scanWire(Batch, Uint8Array.from(bytes))).toThrow(MALFORMED);
});

test('groups nest no deeper than messages', () => {
  const groups = (count: number) =>
    Buffer.concat([repeated([0x7b], count), repeated([0x7c], count)]);
  scanWire(Batch, groups(MAX_DEPTH - 1));
  expect(() => scanWire(Batch, groups(MAX_DEPTH))).toThrow(MALFORMED);
});

test('what the scan accepts, the codec decodes, except for texts that are not UTF-8', () => {
  const bytes = toBinary(Batch, fullBatch()).subarray(0, 2000);
  let random = 7;
  const next = (limit: number): number => {
    random = (random * 1_103_515_245 + 12_345) % 2 ** 31;
    return random % limit;
  };
  for (let run = 0; run < 2000; run++) {
    const changed = Uint8Array.from(bytes);
    changed[next(changed.length)] = next(256);
    const accepts = attempt(() => scanWire(Batch, changed));
    if (accepts) attempt(() => fromBinary(Batch, changed, { readUnknownFields: false }), /UTF-?8/i);
  }
});

/** Returns whether it succeeded. Rethrows errors other than those expected. */
function attempt(fn: () => unknown, expected: RegExp = /cannot be decoded/): boolean {
  try {
    fn();
    return true;
  } catch (error) {
    if (error instanceof Error && expected.test(error.message)) return false;
    throw error;
  }
}

test.each([
  ['objects', '{},'],
  ['lists', '[],'],
])('the number of %s in JSON is bounded', (_what, unit) => {
  scanJson(Buffer.from(`[${unit.repeat(MAX_MESSAGES - 1)}0]`));
  expect(() => scanJson(Buffer.from(`[${unit.repeat(MAX_MESSAGES)}0]`))).toThrow(TOO_HEAVY);
});

test('the number of elements in JSON is bounded', () => {
  expect(() => scanJson(Buffer.from(`[${'0,'.repeat(MAX_FIELDS)}0]`))).toThrow(TOO_HEAVY);
});

/** A batch whose variants have this many keys in all. */
function keysOfVariants(count: number): BatchCreateTestResultsRequest {
  const keys = Array.from({ length: count }, (_, index) => [`k${index}`, '']);
  const requests = [keys.slice(0, count / 2), keys.slice(count / 2)].map((some) => ({
    testResult: { variant: { def: Object.fromEntries(some) } },
  }));
  return create(Batch, { requests });
}

test('the number of keys of maps is bounded, in both formats', () => {
  const [most, more] = [keysOfVariants(MAX_KEYS), keysOfVariants(MAX_KEYS + 2)];
  scanWire(Batch, toBinary(Batch, most));
  scanJson(Buffer.from(toJsonString(Batch, most)));
  expect(() => scanWire(Batch, toBinary(Batch, more))).toThrow(TOO_HEAVY);
  expect(() => scanJson(Buffer.from(toJsonString(Batch, more)))).toThrow(TOO_HEAVY);
});

test.each([
  ['names that no field has', (index: number) => `"x${index}":0`],
  ['blanks before the colon', (index: number) => `"x${index}" \n\t:0`],
  ['names with escapes', () => '"test\\u0049d":0'],
])('%s count as keys, at any depth', (_what, member) => {
  const text = (count: number) =>
    `{"unknown":[{${Array.from({ length: count - 1 }, (_, index) => member(index)).join(',')}}]}`;
  scanJson(Buffer.from(text(MAX_KEYS)));
  expect(() => scanJson(Buffer.from(text(MAX_KEYS + 1)))).toThrow(TOO_HEAVY);
});

test('names of fields do not count as keys, in either spelling', () => {
  const text = `[${'{"testId":"a","test_id":"b"},'.repeat(MAX_KEYS)}0]`;
  scanJson(Buffer.from(text));
});

test('JSON nests no deeper than messages', () => {
  expect(() => scanJson(Buffer.from('['.repeat(MAX_DEPTH + 1)))).toThrow(MALFORMED);
});

test.each([
  ['a string', `"${'[{,'.repeat(MAX_FIELDS)}"`],
  ['a string with escaped quotes', `"\\\\\\"${'[{,'.repeat(MAX_FIELDS)}"`],
  ['a string that does not end', `"${'[{,'.repeat(MAX_FIELDS)}`],
])('%s counts as one value, whatever it contains', (_what, text) => {
  scanJson(Buffer.from(text));
});

test('a string ends with a quote after an even number of backslashes', () => {
  const text = `"\\\\"${'[],'.repeat(MAX_MESSAGES + 1)}`;
  expect(() => scanJson(Buffer.from(text))).toThrow(TOO_HEAVY);
});
