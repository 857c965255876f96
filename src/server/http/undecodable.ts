/**
 * Corrects what Connect says of a request that it could not decode. It reports a message that is no protobuf
 * as the fault of the server (`internal`), which alarms operators and makes clients try again, and its
 * message may quote the body. The caller is told `invalid_argument`, in the form of each protocol.
 */
import { Code } from '@connectrpc/connect';
import type { UniversalServerResponse } from '@connectrpc/connect/protocol';
import { boundedText } from '@postlude/queue/foundations';

const NO_PROTOBUF = /^parse binary: /;
const MAX_MESSAGE = 500;

/** The header of an envelope: flags, and the length of what follows. */
const ENVELOPE_BYTES = 5;

/** Takes the response to a request that reached no method, which therefore holds an error and nothing else. */
export async function asFaultOfCaller(
  answer: UniversalServerResponse,
): Promise<UniversalServerResponse> {
  if (answer.trailer?.has('grpc-status')) correctHeaders(answer.trailer);
  const body = await bytesOf(answer.body);
  const isEncoded = answer.header?.has('content-encoding') ?? false;
  if (body.length === 0 || isEncoded) return { ...answer, body: oneChunk(body) };
  const type = answer.header?.get('content-type') ?? '';
  if (type === 'application/json') return correctUnary(answer, body);
  const isEnvelope = /^application\/(?:grpc-web(?!-text)|connect\+)/.test(type);
  return { ...answer, body: oneChunk(isEnvelope ? correctEnvelope(body) : body) };
}

function correctHeaders(headers: Headers): void {
  const message = decode(headers.get('grpc-message') ?? '');
  if (headers.get('grpc-status') === String(Code.Internal) && NO_PROTOBUF.test(message)) {
    headers.set('grpc-status', String(Code.InvalidArgument));
  }
  headers.set('grpc-message', encodeURIComponent(boundedText(message, MAX_MESSAGE)));
}

function correctUnary(answer: UniversalServerResponse, body: Buffer): UniversalServerResponse {
  const { error, isCorrected } = correctError(JSON.parse(body.toString()));
  const corrected = Buffer.from(JSON.stringify(error));
  const header = new Headers(answer.header);
  header.set('content-length', String(corrected.length));
  const status = isCorrected ? 400 : answer.status;
  return { ...answer, status, header, body: oneChunk(corrected) };
}

/** Corrects the last envelope of a stream, which has the trailers of gRPC-web or the error of Connect. */
function correctEnvelope(body: Buffer): Buffer {
  const flags = body[0] ?? 0;
  const text = body.toString('utf8', ENVELOPE_BYTES);
  const corrected = Buffer.from(text.startsWith('{') ? correctEnd(text) : correctTrailers(text));
  const head = Buffer.alloc(ENVELOPE_BYTES);
  head.writeUInt8(flags);
  head.writeUInt32BE(corrected.length, 1);
  return Buffer.concat([head, corrected]);
}

function correctEnd(text: string): string {
  const end: unknown = JSON.parse(text);
  if (!isObject(end)) return text;
  return JSON.stringify({ ...end, error: correctError(end.error).error });
}

function correctTrailers(text: string): string {
  const lines = text.split('\r\n').filter((line) => line !== '');
  const trailers = new Headers(lines.map((line) => pairOf(line)));
  correctHeaders(trailers);
  return [...trailers].map(([name, value]) => `${name}: ${value}\r\n`).join('');
}

function pairOf(line: string): [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}

function correctError(error: unknown): { readonly error: unknown; readonly isCorrected: boolean } {
  if (!isObject(error)) return { error, isCorrected: false };
  const message = typeof error.message === 'string' ? error.message : '';
  const isCorrected = error.code === 'internal' && NO_PROTOBUF.test(message);
  const told = message === '' ? {} : { message: boundedText(message, MAX_MESSAGE) };
  const code = isCorrected ? { code: 'invalid_argument' } : {};
  return { error: { ...error, ...code, ...told }, isCorrected };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function decode(message: string): string {
  try {
    return decodeURIComponent(message);
  } catch {
    return message;
  }
}

async function bytesOf(body: UniversalServerResponse['body']): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body ?? []) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* oneChunk(body: Buffer): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (body.length > 0) yield new Uint8Array(body);
}
