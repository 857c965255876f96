/** Sends a file to the server by plain HTTP, as a stream. Failures have the codes that calls have. */
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import {
  type Agent,
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
} from 'node:http';
import { request as httpsRequest } from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Code, ConnectError } from '@connectrpc/connect';

export interface PutRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly path: string;
  readonly bytes: number;
}

export interface PutParts {
  readonly agent: Agent;
  readonly signal: AbortSignal;
}

/** A server that neither reads nor responds for so long is gone. */
const SILENCE_MS = 2 * 60_000;
const MAX_TEXT_BYTES = 4_000;

/** Throws a ConnectError. */
export async function putContent(
  url: string,
  { bytes, headers, path }: PutRequest,
  { agent, signal }: PutParts,
): Promise<void> {
  const make = url.startsWith('https:') ? httpsRequest : httpRequest;
  const request = make(url, {
    method: 'PUT',
    agent,
    signal,
    timeout: SILENCE_MS,
    headers: { ...headers, 'content-length': bytes },
  });
  request.once('timeout', () => request.destroy(new Error('the server is silent')));
  const responded = responseOf(request);
  // The server may respond before it has read all, and then the rest cannot be sent.
  const sent = pipeline(Readable.from(exactly(path, bytes)), request).catch(() => undefined);
  const { status, text } = await responded.catch((cause: unknown) => {
    const code = signal.aborted ? Code.Canceled : Code.Unavailable;
    const problem = cause instanceof Error ? cause.message : 'the connection was lost';
    throw new ConnectError(problem, code, undefined, undefined, cause);
  });
  // A content that is there already is not read either.
  if (!request.writableFinished) request.destroy();
  await sent;
  if (status !== 204) throw new ConnectError(text.trim(), CODES[status] ?? Code.Unknown);
}

async function responseOf(
  request: ClientRequest,
): Promise<{ readonly status: number; readonly text: string }> {
  const [response]: IncomingMessage[] = await once(request, 'response');
  if (response === undefined) throw new Error('there is no response');
  return { status: response.statusCode ?? 0, text: await textOf(response) };
}

async function* exactly(path: string, bytes: number): AsyncIterable<Uint8Array> {
  let sent = 0;
  for await (const chunk of createReadStream(path, { end: bytes - 1 })) {
    sent += chunk.length;
    yield chunk;
  }
  if (sent < bytes) throw new Error(`${path} has become shorter`);
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response) {
    if (text.length < MAX_TEXT_BYTES) text += String(chunk);
  }
  return text.slice(0, MAX_TEXT_BYTES);
}

/** A server that is too busy for now is asked again, as one that is away. */
const CODES: Readonly<Record<number, Code>> = {
  400: Code.InvalidArgument,
  401: Code.Unauthenticated,
  403: Code.PermissionDenied,
  404: Code.NotFound,
  409: Code.AlreadyExists,
  429: Code.Unavailable,
  500: Code.Internal,
  502: Code.Unavailable,
  503: Code.Unavailable,
  504: Code.Unavailable,
  507: Code.ResourceExhausted,
};
