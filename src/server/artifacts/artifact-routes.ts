/**
 * The contents of artifacts over plain HTTP: `PUT` and `POST` record one, and `GET` at a signed URL returns
 * one. Callers are authenticated and admitted before any byte of a body is read, as those of RPCs are.
 */

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ConnectError } from '@connectrpc/connect';
import {
  monotonicMs,
  type NodeServerRequest,
  type NodeServerResponse,
  type RequestHandler,
  respond,
} from '@postlude/queue/foundations';
import { MAX_INLINE_BYTES } from '../../artifacts/limits.ts';
import { parseArtifactName } from '../../services/artifacts/artifact-name.ts';
import { contentHeaders } from '../../services/artifacts/content-headers.ts';
import {
  type FetchParts,
  fetchArtifact,
  requireFetchToken,
} from '../../services/artifacts/fetch-artifact.ts';
import { uploadArtifacts } from '../../services/artifacts/upload-artifact.ts';
import type { RecorderParts } from '../../services/recorder/parts.ts';
import { UPLOAD_METHOD } from '../../services/recorder/update-token.ts';
import type { CallContext } from '../../services/shared/call-context.ts';
import { UPDATE_TOKEN_HEADER } from '../../services/shared/call-context.ts';
import { inField, invalid } from '../../services/shared/field.ts';
import { runFor } from '../admission/caller-scope.ts';
import { addressParty } from '../admission/party.ts';
import { ANONYMOUS } from '../http/auth.ts';
import type { ObserveCall } from '../http/call-observation.ts';
import type { ClientAddresses } from '../http/client-address.ts';
import { HTTP_STATUS, isDiskFull } from '../http/error-mapping.ts';
import { admitCall, type RequestGateOptions } from '../http/request-gate.ts';
import { failCall, type RpcCall } from '../http/rpc-call.ts';
import { headerValues } from '../http/rpc-service.ts';
import type { Tracing } from '../telemetry/tracing.ts';
import { readUpload } from './upload-request.ts';

export interface ArtifactRoutesOptions extends RequestGateOptions {
  readonly recorder: RecorderParts;
  readonly resultDb: FetchParts;
  readonly maxArtifactBytes: number;
  readonly addresses: ClientAddresses;
  readonly observe: ObserveCall;
  readonly tracing: Tracing;
}

/** The name by which logs and limits know the reading of a content. */
const FETCH_METHOD = 'artifacts/GetContent';
const PREFIX = '/invocations/';

interface Exchange {
  readonly request: NodeServerRequest;
  readonly response: NodeServerResponse;
  readonly headers: Headers;
  /** Aborts when the client disconnects before it has its response. */
  readonly signal: AbortSignal;
  readonly call: RpcCall;
  /** The path of the request without its leading slash. */
  readonly name: string;
  readonly query: URLSearchParams;
}

export function artifactRoutes(options: ArtifactRoutesOptions): RequestHandler {
  return (request, response) => {
    const [path = '', query = ''] = (request.url ?? '').split('?', 2);
    if (!path.startsWith(PREFIX)) return false;
    const serves = serverOf(request.method ?? '', path);
    if (serves === undefined) {
      response.setHeader('allow', 'GET, HEAD, POST, PUT');
      respond(response, 405, 'artifacts are recorded by PUT and POST, and read by GET\n');
      return true;
    }
    const call: RpcCall = {
      method: serves === upload ? UPLOAD_METHOD : FETCH_METHOD,
      caller: ANONYMOUS,
      address: options.addresses.of(request),
    };
    void serve(options, serves, {
      request,
      response,
      headers: headersOf(request),
      signal: signalOf(response),
      call,
      name: path.slice(1),
      query: new URLSearchParams(query),
    });
    return true;
  };
}

type Serves = (options: ArtifactRoutesOptions, exchange: Exchange) => Promise<void>;

function serverOf(method: string, path: string): Serves | undefined {
  if (method === 'GET' || method === 'HEAD') return fetchContent;
  const isCollection = path.endsWith('/artifacts');
  return method === (isCollection ? 'POST' : 'PUT') ? upload : undefined;
}

async function serve(
  options: ArtifactRoutesOptions,
  serves: Serves,
  exchange: Exchange,
): Promise<void> {
  const { call, headers } = exchange;
  const startedAt = monotonicMs();
  const attributes = { 'rpc.method': call.method };
  const span = options.tracing.startCall(call.method, attributes, headers);
  try {
    await runFor(call, () => options.tracing.within(span, () => serves(options, exchange)));
    call.code = 'ok';
  } catch (error) {
    fail(exchange, error);
  } finally {
    call.admitted?.release();
  }
  options.observe(call, { span, ms: monotonicMs() - startedAt });
}

async function upload(options: ArtifactRoutesOptions, exchange: Exchange): Promise<void> {
  const { call, headers, response, signal } = exchange;
  // What is not kept in a row is never held as a whole.
  const gate = { ...options, maxRequestBytes: MAX_INLINE_BYTES };
  await admitCall({ requestHeader: headers, signal }, call, gate);
  const context: CallContext = {
    caller: call.caller,
    updateTokens: headerValues(headers.get(UPDATE_TOKEN_HEADER)),
    signal,
    setHeader: (name, value) => response.setHeader(name, value),
  };
  await uploadArtifacts(options.recorder, readUpload(exchange, options.maxArtifactBytes), context);
  response.statusCode = 204;
  response.end();
  exchange.request.resume(); // A content that is there already has not been read.
}

/** The URL is all that a caller needs, so it comes before the rights of the caller. */
async function fetchContent(options: ArtifactRoutesOptions, exchange: Exchange): Promise<void> {
  const { call, name, query, request, response, signal } = exchange;
  const { admission, resultDb } = options;
  const key = inField('name', () => parseArtifactName(name));
  const digest = requireFetchToken(resultDb.fetchUrls, key, query.get('token') ?? '');
  const limit = limitOf(query);
  call.party = addressParty(call.address);
  call.admitted = await admission.enter({
    method: call.method,
    party: call.party,
    realm: undefined,
    bytes: MAX_INLINE_BYTES,
    signal,
  });
  const artifact = await fetchArtifact(resultDb, { key, digest }, { signal });
  const sizeBytes = Math.min(artifact.sizeBytes, limit);
  const wanted = request.method === 'HEAD' ? 0 : sizeBytes;
  // A content that cannot be read has a status of its own, which must come before any header.
  const content = await begun(beginning(artifact.content(), wanted));
  const headers = contentHeaders({ ...artifact, sizeBytes });
  for (const [header, value] of Object.entries(headers)) response.setHeader(header, value);
  response.statusCode = 200;
  // The stream does not outlive the response, however that ends.
  await pipeline(Readable.from(content), response, { signal });
}

/** Reads the first chunk at once. */
async function begun(chunks: AsyncGenerator<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const first = await chunks.next();
  return (async function* () {
    if (!first.done) yield first.value;
    yield* chunks;
  })();
}

async function* beginning(
  content: AsyncIterable<Uint8Array>,
  bytes: number,
): AsyncGenerator<Uint8Array> {
  let left = bytes;
  for await (const chunk of content) {
    if (left > 0) yield chunk.subarray(0, left);
    left -= chunk.length;
    if (left <= 0) return;
  }
}

/** LUCI's clients ask for the beginning of a content by `n`. */
function limitOf(query: URLSearchParams): number {
  const limit = query.get('n');
  if (limit === null) return Number.POSITIVE_INFINITY;
  if (!/^\d{1,15}$/.test(limit)) throw invalid('n: must be a number of bytes');
  return Number(limit);
}

function fail({ call, request, response, signal }: Exchange, error: unknown): void {
  const isRecorded = error instanceof ConnectError && call.error !== undefined;
  const told = isRecorded ? error : failCall(call, error, signal);
  if (response.headersSent || response.destroyed) return;
  for (const [header, value] of told.metadata) response.setHeader(header, value);
  const status = isDiskFull(call.error) ? 507 : HTTP_STATUS[told.code];
  respond(response, status, `${told.rawMessage}\n`);
  request.resume();
}

/** The pseudo-headers of HTTP/2 are left out. */
function headersOf({ headers }: NodeServerRequest): Headers {
  const plain = Object.entries(headers).filter(([name]) => !name.startsWith(':'));
  return new Headers(plain.map(([name, value]) => [name, [value ?? ''].flat().join(', ')]));
}

function signalOf(response: NodeServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) gone.abort(new Error('the client has disconnected'));
  });
  return gone.signal;
}
