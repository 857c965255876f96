/**
 * The body of a request that a framework or its middleware may have read and parsed before. A body that was
 * parsed from JSON is written as JSON again, as the envelope keeps its meaning.
 */
import { CodedError } from '../../../foundations/errors.ts';
import type { NodeServerRequest } from '../../../foundations/node-messages.ts';
import { bodyStream } from './node.ts';

export interface ParsedBody {
  /** The parsed body, if there is one, or a stream of its own. */
  readonly body?: unknown;
  /** The bytes of the body, if a framework kept them, as Google's functions framework does. */
  readonly rawBody?: unknown;
}

/** Throws `failed-precondition`, with advice, if the body is gone. */
export function parsedOrStream(
  request: NodeServerRequest,
  { body, rawBody }: ParsedBody,
): AsyncIterable<Uint8Array> {
  if (isStream(body) && body !== request) return body;
  if (!request.readableDidRead && !request.readableEnded) return bodyStream(request);
  const bytes = rawBody instanceof Uint8Array ? rawBody : bytesOf(body);
  if (bytes) return once(bytes);
  throw new CodedError(
    'failed-precondition',
    'the body was read before the push handler could, and not kept: put the handler before what reads it, or let express.json() or the like parse it',
  );
}

function bytesOf(body: unknown): Uint8Array | undefined {
  if (body instanceof Uint8Array) return body;
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return text === undefined ? undefined : new TextEncoder().encode(text);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function isStream(body: unknown): body is AsyncIterable<Uint8Array> {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body;
}
