/**
 * Requests of pRPC. They promise: whatever is wrong with headers or bodies is told as a problem of the protocol,
 * and a message that was decoded is the same after another trip in its format.
 */
import { type DescMessage, equals } from '@bufbuild/protobuf';
import { hasCode } from '@postlude/queue/foundations';
import {
  BatchCreateTestResultsRequestSchema,
  CreateInvocationRequestSchema,
  UpdateInvocationRequestSchema,
} from '../../../src/gen/luci/resultdb/v1/recorder_pb.js';
import { QueryTestResultsRequestSchema } from '../../../src/gen/luci/resultdb/v1/resultdb_pb.js';
import { scanJson } from '../../../src/server/http/body/json-scan.ts';
import { scanText } from '../../../src/server/http/body/text-scan.ts';
import { scanWire } from '../../../src/server/http/body/wire-scan.ts';
import { decodeMessage, encodeMessage } from '../../../src/server/prpc/codec.ts';
import { FORMATS, type Format } from '../../../src/server/prpc/format.ts';
import { ProtocolProblem } from '../../../src/server/prpc/protocol-problem.ts';
import { readHeaders } from '../../../src/server/prpc/request-headers.ts';
import { declared, type FuzzTarget, require } from '../engine/target.ts';

const SCHEMAS: readonly DescMessage[] = [
  BatchCreateTestResultsRequestSchema,
  CreateInvocationRequestSchema,
  UpdateInvocationRequestSchema,
  QueryTestResultsRequestSchema,
];

const MESSAGE_WORDS = [
  ...[
    'invocation: "a"',
    'requests {',
    'test_result <',
    '}',
    '>',
    'test_id: \'t\' "u"',
    '# comment\n',
  ],
  ...['variant { def { key: "os" value: "linux" } }', 'status: PASS', 'expected: true', '\\x41\\n'],
  ...[
    'update_mask { paths: ["deadline", "*"] }',
    'duration { seconds: -1 nanos: 0x7f }',
    'nan',
    ';',
  ],
  ...['{"updateMask":{"paths":["*"]}}', '{"updateMask":"a.bC,`x,y`"}', '"readMask":', 'null', '[]'],
  ...['[type.googleapis.com/google.protobuf.Duration] {', '-inf', '1e400', '09', '"\\u{1f600}"'],
];
const HEADER_WORDS = [
  ...['content-type', 'accept', 'accept-encoding', 'content-encoding', ': ', '\n', '; q=0.5', ','],
  ...['application/prpc; encoding=binary', 'application/json', 'application/prpc; encoding=text'],
  ...['x-prpc-grpc-timeout', '99999999H', '-1n', 'x-prpc-max-response-size', '1', 'a-bin', 'YQ=='],
  ...['gzip', 'identity', '*/*', 'q=', '1.', '.5', '"json"'],
];

export const prpcTargets: readonly FuzzTarget[] = [
  {
    name: 'prpc-message',
    reads: 'messages of pRPC; the first two bytes choose the message and its format',
    dictionary: MESSAGE_WORDS,
    check: checkMessage,
  },
  {
    name: 'prpc-headers',
    reads: 'headers of pRPC, one a line',
    dictionary: HEADER_WORDS,
    check: checkHeaders,
  },
];

const isRefused = (error: unknown): boolean =>
  hasCode(error, 'invalid-argument', 'resource-exhausted');

function checkMessage(input: Buffer): void {
  const desc = SCHEMAS[(input[0] ?? 0) % SCHEMAS.length] ?? CreateInvocationRequestSchema;
  const format = FORMATS[(input[1] ?? 0) % FORMATS.length] ?? 'text';
  const bytes = input.subarray(2);
  declared(() => {
    scan(format, desc, bytes);
    const message = declared(
      () => decodeMessage(format, desc, bytes),
      (error) => error instanceof ProtocolProblem,
    );
    // JSON cannot write all masks that it can read.
    if (message === undefined || format === 'json') return;
    const again = decodeMessage(format, desc, encodeMessage(format, desc, { message }));
    const hasNaN = !equals(desc, message, message);
    require(hasNaN || equals(desc, message, again), 'encoding changes a message');
  }, isRefused);
}

function scan(format: Format, desc: DescMessage, bytes: Uint8Array): void {
  if (format === 'json') scanJson(bytes);
  else if (format === 'text') scanText(bytes);
  else scanWire(desc, bytes);
}

/** Longer timers would end at once. */
const MAX_TIMEOUT_MS = 2 ** 31;

function checkHeaders(input: Buffer): void {
  const header = new Headers();
  for (const line of input.toString('latin1').split('\n')) {
    const [name = '', ...value] = line.split(': ');
    declared(
      () => header.append(name, value.join(': ')),
      (error) => error instanceof TypeError,
    );
  }
  const asked = declared(
    () => readHeaders(header),
    (error) => error instanceof ProtocolProblem,
  );
  if (asked === undefined) return;
  require((asked.timeoutMs ?? 0) < MAX_TIMEOUT_MS, 'no timer is that long');
  require((asked.maxResponseBytes ?? 1) > 0, 'no response fits');
}
