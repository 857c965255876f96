/**
 * Requests as the server decodes them. They promise: only declared errors escape; what the scan lets pass is
 * decoded, or refused by the codec as malformed; and a message that was decoded is the same after another trip.
 */
import {
  type DescMessage,
  equals,
  fromBinary,
  fromJson,
  type JsonValue,
  type Message,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import type { UniversalServerRequest } from '@connectrpc/connect/protocol';
import { CodedError, hasCode } from '@postlude/queue/foundations';
import {
  BatchCreateTestResultsRequestSchema,
  CreateInvocationRequestSchema,
  UpdateInvocationRequestSchema,
} from '../../../src/gen/luci/resultdb/v1/recorder_pb.js';
import { QueryTestResultsRequestSchema } from '../../../src/gen/luci/resultdb/v1/resultdb_pb.js';
import {
  EndInvocationRequestSchema,
  OpenInvocationRequestSchema,
} from '../../../src/gen/postlude/v1/invocations_pb.js';
import { scanJson } from '../../../src/server/http/body/json-scan.ts';
import { withCheckedBody } from '../../../src/server/http/body/request-body.ts';
import { scanWire } from '../../../src/server/http/body/wire-scan.ts';
import { declared, type FuzzTarget, require, requireSame } from '../engine/target.ts';
import { jsonOf, sample } from './generators.ts';

const SCHEMAS: readonly DescMessage[] = [
  BatchCreateTestResultsRequestSchema,
  CreateInvocationRequestSchema,
  UpdateInvocationRequestSchema,
  QueryTestResultsRequestSchema,
  OpenInvocationRequestSchema,
  EndInvocationRequestSchema,
];
const isRefused = (error: unknown): boolean =>
  hasCode(error, 'invalid-argument', 'resource-exhausted');

const JSON_WORDS = [
  ...[
    '{"invocation":"invocations/a","requests":[',
    '"testResult":{',
    '"testId":"t"',
    '"resultId":"r"',
  ],
  ...[
    '"variant":{"def":{"os":"linux"}}',
    '"status":"PASS"',
    '"expected":true',
    '"summaryHtml":"<p>"',
  ],
  ...[
    '"duration":"1.5s"',
    '"startTime":"2026-01-02T03:04:05Z"',
    '"tags":[{"key":"k","value":"v"}]',
  ],
  ...[
    '"updateMask":"deadline"',
    '"properties":{"a":[1,null]}',
    '"pageSize":5',
    '"readMask":"*"',
    'Infinity',
  ],
  ...[
    '"requestId":"x"',
    '"invocationId":"u-a"',
    '"deadline":',
    '"predicate":{"testIdRegexp":".*"}',
    '"@type"',
  ],
];
const WIRE_WORDS = [
  ...[
    '\x0a\x02ab',
    '\x12\x04\x0a\x02ab',
    '\x08\x01',
    '\x10',
    '\x1a\x00',
    '\x0b\x0c',
    '\x0d\x00\x00\x00\x00',
  ],
  ...[
    '\x09\x00\x00\x00\x00\x00\x00\x00\x00',
    '\x22\x06\x08\x7f\x10\x01',
    '\x7f',
    '\x03',
    '\x04',
    '\x2a\x7f',
  ],
];

export const codecTargets: readonly FuzzTarget[] = [
  {
    name: 'protobuf',
    reads: 'requests in protobuf; the first byte chooses the message',
    dictionary: WIRE_WORDS,
    check: checkWire,
  },
  {
    name: 'json',
    reads: 'requests in JSON; the first byte chooses the message',
    dictionary: JSON_WORDS,
    generate: (seed) =>
      String.fromCharCode(seed % SCHEMAS.length) + sample(jsonOf(JSON_WORDS), seed),
    check: checkJson,
  },
  {
    name: 'body',
    reads: 'bodies of requests: framed, compressed, in chunks; the first two bytes choose how',
    dictionary: [
      ...WIRE_WORDS,
      '\x00\x00\x00\x00\x02',
      '\x01\x00\x00\x00\x05',
      '\x02',
      '\x80',
      '\x1f\x8b\x08',
    ],
    check: checkBody,
  },
];

function schemaOf(input: Buffer): DescMessage {
  return SCHEMAS[(input[0] ?? 0) % SCHEMAS.length] ?? BatchCreateTestResultsRequestSchema;
}

function checkWire(input: Buffer): void {
  const schema = schemaOf(input);
  const bytes = input.subarray(1);
  declared(() => {
    scanWire(schema, bytes);
    const message = declared(
      () => fromBinary(schema, bytes, { readUnknownFields: false }),
      isMalformed,
    );
    if (message !== undefined) requireRoundTrip(schema, message);
  }, isRefused);
}

/** What a codec says of bytes. Errors of the engine, such as too deep a recursion, have classes of their own. */
function isMalformed(error: unknown): boolean {
  return (
    error instanceof Error && !(error instanceof RangeError && /stack|alloc/.test(error.message))
  );
}

function requireRoundTrip(schema: DescMessage, message: Message): void {
  const again = fromBinary(schema, toBinary(schema, message));
  require(equals(schema, message, again) || hasNaN(schema, message), 'encoding changes a message');
}

/** Two messages that hold a NaN are never equal. */
function hasNaN(schema: DescMessage, message: Message): boolean {
  return !equals(schema, message, message);
}

function checkJson(input: Buffer): void {
  const schema = schemaOf(input);
  const bytes = input.subarray(1);
  declared(() => scanJson(bytes), isRefused);
  if (declared(() => scanJson(bytes) ?? true, isRefused) === undefined) return;
  const options = { ignoreUnknownFields: true };
  const message = declared(
    () => fromJson(schema, JSON.parse(bytes.toString()) as JsonValue, options),
    isMalformed,
  );
  if (message === undefined) return;
  requireRoundTrip(schema, message);
  const json = declared(() => toJson(schema, message), isMalformed);
  if (json === undefined) return;
  const again = toJson(schema, fromJson(schema, json));
  requireSame(JSON.stringify(again), JSON.stringify(json), 'JSON changes a message');
}

const TYPES = [
  ...['application/proto', 'application/json', 'application/grpc', 'application/grpc-web+proto'],
  ...['application/connect+proto', 'application/connect+json', 'application/grpc+json'],
];
const COMPRESSIONS = [undefined, undefined, 'gzip', 'br', 'identity', 'zstd'];
const MAX_BYTES = 64 * 1024;

async function checkBody(input: Buffer): Promise<void> {
  const [first = 0, second = 0] = input;
  const rest = input.subarray(2);
  const whole = await bodyOf(first, [rest]);
  const size = 1 + (second % 61);
  const chunks: Buffer[] = [];
  for (let at = 0; at < rest.length; at += size) chunks.push(rest.subarray(at, at + size));
  requireSame(await bodyOf(first, chunks), whole, `in chunks of ${size} bytes`);
}

/** Returns the body that the codec gets, or the code with which it is refused. */
async function bodyOf(choice: number, chunks: readonly Buffer[]): Promise<string> {
  const type = TYPES[choice % TYPES.length] ?? '';
  const compression = COMPRESSIONS[(choice >> 3) % COMPRESSIONS.length];
  const header = new Headers({ 'content-type': type });
  const names = ['content-encoding', 'grpc-encoding', 'connect-content-encoding'];
  for (const name of compression === undefined ? [] : names) header.set(name, compression ?? '');
  const request = { header, body: streamOf(chunks) } as unknown as UniversalServerRequest;
  let held = 0;
  const limits = {
    maxBytes: MAX_BYTES,
    hold: (bytes: number) => {
      held = Math.max(held, bytes);
    },
  };
  try {
    const checked = withCheckedBody(request, BatchCreateTestResultsRequestSchema, limits);
    const passed: Uint8Array[] = [];
    for await (const chunk of checked.body as AsyncIterable<Uint8Array>) passed.push(chunk);
    return Buffer.concat(passed).toString('hex');
  } catch (error) {
    if (error instanceof CodedError && isRefused(error)) return `${error.code}: ${error.message}`;
    throw error;
  } finally {
    require(held <= 4 * MAX_BYTES, `it holds ${held} bytes`);
  }
}

async function* streamOf(chunks: readonly Buffer[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}
