/**
 * The stored form of a request, in reminders and in our own queue: JSON, with bytes in base64. Requests
 * of older versions are under way when a new one starts: test/compat has those that must stay readable.
 */
import { CodedError } from '../../foundations/errors.ts';
import type { QueueRequest, SubmitRequest, TopicRequest } from '../submit/submitter.ts';

const VERSION = 1;

export function encodeRequest(request: SubmitRequest): Uint8Array {
  const stored = request.kind === 'queue' ? storedQueueRequest(request) : storedMessage(request);
  return Buffer.from(JSON.stringify({ version: VERSION, ...stored }));
}

/** The stored name of `processAfter` is `scheduleTime`, as it is in Cloud Tasks. */
function storedQueueRequest({ processAfter, pushAs, ...request }: QueueRequest): Stored {
  return { ...request, body: toBase64(request.body), scheduleTime: processAfter, pushAs };
}

function storedMessage(request: TopicRequest): Stored {
  return { ...request, data: toBase64(request.data) };
}

/** Throws `data-loss` if the bytes are not a stored request. */
export function decodeRequest(bytes: Uint8Array): SubmitRequest {
  try {
    return requestOf(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch (cause) {
    if (cause instanceof CodedError) throw cause;
    throw new CodedError('data-loss', 'the stored request is not JSON', { cause });
  }
}

type Stored = Readonly<Record<string, unknown>>;

function requestOf(value: unknown): SubmitRequest {
  if (typeof value !== 'object' || value === null) throw damaged('it is not an object');
  const stored = value as Stored;
  if (stored.version !== VERSION) throw damaged(`version ${stored.version} is not known here`);
  const classId = textOf(stored, 'classId');
  switch (stored.kind) {
    case 'queue':
      return {
        kind: 'queue',
        classId,
        queue: textOf(stored, 'queue'),
        ...(stored.name === undefined ? {} : { name: textOf(stored, 'name') }),
        method: textOf(stored, 'method'),
        url: textOf(stored, 'url'),
        headers: textsOf(stored, 'headers'),
        body: bytesOf(stored, 'body'),
        ...(stored.scheduleTime === undefined
          ? {}
          : { processAfter: timeOf(stored, 'scheduleTime') }),
        ...(stored.pushAs === undefined ? {} : { pushAs: pushAsOf(textsOf(stored, 'pushAs')) }),
      };
    case 'topic':
      return {
        kind: 'topic',
        classId,
        topic: textOf(stored, 'topic'),
        data: bytesOf(stored, 'data'),
        attributes: textsOf(stored, 'attributes'),
      };
    default:
      throw damaged(`it is of kind ${JSON.stringify(stored.kind)}`);
  }
}

function pushAsOf(stored: Stored): { readonly email: string; readonly audience: string } {
  return { email: textOf(stored, 'email'), audience: textOf(stored, 'audience') };
}

function textOf(stored: Stored, key: string): string {
  const value = stored[key];
  if (typeof value === 'string') return value;
  throw damaged(`${key} is not a string`);
}

/** JSON has numbers that are too large for ours. */
function timeOf(stored: Stored, key: string): number {
  const value = stored[key];
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw damaged(`${key} is not a time`);
}

function textsOf(stored: Stored, key: string): Readonly<Record<string, string>> {
  const value = stored[key];
  const isRecord = typeof value === 'object' && value !== null;
  if (isRecord && Object.values(value).every((part) => typeof part === 'string')) {
    return value as Readonly<Record<string, string>>;
  }
  throw damaged(`${key} is not a record of strings`);
}

function bytesOf(stored: Stored, key: string): Uint8Array {
  return Uint8Array.from(Buffer.from(textOf(stored, key), 'base64'));
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function damaged(reason: string): CodedError {
  return new CodedError('data-loss', `the stored request cannot be read: ${reason}`);
}
