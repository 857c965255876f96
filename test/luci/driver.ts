/** Sends cases to a server by Connect, gRPC or pRPC. */
import {
  create,
  type DescMethod,
  type DescMethodUnary,
  fromJson,
  type JsonObject,
  toJson,
} from '@bufbuild/protobuf';
import { FieldMaskSchema } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, type Transport } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { systemClock } from '@postlude/queue/foundations';
import { Recorder } from '../../src/gen/luci/resultdb/v1/recorder_pb.js';
import { ResultDB } from '../../src/gen/luci/resultdb/v1/resultdb_pb.js';
import { Schemas } from '../../src/gen/luci/resultdb/v1/schema_pb.js';
import { codeName } from '../../src/server/http/error-mapping.ts';
import { type Answer, type Case, Variables, valueAt } from './case.ts';

export const STYLES = ['connect', 'grpc', 'prpc'] as const;

export type Style = (typeof STYLES)[number];

const PACKAGE = 'luci.resultdb.v1';
/** How long a case may wait for its `until`. */
const PATIENCE_MS = 30_000;

interface Sent {
  readonly request: JsonObject;
  readonly masks: NonNullable<Case['masks']>;
  readonly tokens: readonly string[];
}

interface Received {
  readonly code: string;
  readonly token: string;
  readonly body?: JsonObject;
  readonly message?: string;
}

/** Returns `undefined` if the style cannot say the request. */
type Send = (rpc: string, sent: Sent) => Promise<Received | undefined>;

/** Yields an answer for each case, in order. Skips those that the style cannot say. */
export async function* drive(
  url: string,
  style: Style,
  cases: readonly Case[],
): AsyncGenerator<Answer> {
  const send = { connect: connectSender, grpc: grpcSender, prpc: prpcSender }[style](url);
  const variables = new Variables();
  for (const each of cases) {
    const received = await sendUntil(send, each, variables);
    if (!received) continue;
    const { token, ...said } = received;
    variables.keep(each, said.body, token);
    yield { id: each.id, ...said, ...(token === '' ? {} : { token: true }) };
  }
}

async function sendUntil(
  send: Send,
  { masks = {}, req, rpc, token, until = {} }: Case,
  variables: Variables,
): Promise<Received | undefined> {
  const end = systemClock.now() + PATIENCE_MS;
  for (;;) {
    const request = variables.fill(req, systemClock.now()) as JsonObject;
    const received = await send(rpc, { request, masks, tokens: variables.tokens(token) });
    const isReached = Object.entries(until).every(
      ([path, value]) => valueAt(received?.body, path) === value,
    );
    if (isReached || systemClock.now() > end) return received;
    await systemClock.sleep(50);
  }
}

const JSON_HEADERS = { 'content-type': 'application/json', accept: 'application/json' };

function postJson(url: string, { request, tokens }: Sent): Promise<Response> {
  const headers = [...Object.entries(JSON_HEADERS), ...tokenHeaders(tokens)];
  return fetch(url, { method: 'POST', headers, body: JSON.stringify(request) });
}

function tokenHeaders(tokens: readonly string[]): [string, string][] {
  return tokens.map((token) => ['update-token', token]);
}

function prpcSender(url: string): Send {
  return async (rpc, sent) => {
    const entries = Object.entries(sent.masks);
    const masks = entries.map(([name, paths]): [string, JsonObject] => [
      name,
      { paths: [...paths] },
    ]);
    const request = { ...sent.request, ...Object.fromEntries(masks) };
    const response = await postJson(`${url}/prpc/${PACKAGE}.${rpc}`, { ...sent, request });
    const text = await response.text();
    const code = Number(response.headers.get('x-prpc-grpc-code') ?? Code.Unknown);
    const token = response.headers.get('update-token') ?? '';
    if (code !== 0) return { code: nameOf(code), message: text.replace(/\n$/, ''), token };
    return { code: 'OK', token, body: JSON.parse(text.slice(text.indexOf('\n') + 1)) };
  };
}

/** A path that can be written in camel case and back. */
const WRITABLE = /^[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*$/;

function connectSender(url: string): Send {
  return async (rpc, sent) => {
    const entries = Object.entries(sent.masks);
    if (!entries.every(([, paths]) => paths.every((path) => WRITABLE.test(path)))) return undefined;
    const masks = entries.map(([name, paths]) => [name, paths.map(camelCase).join(',')] as const);
    const request = { ...sent.request, ...Object.fromEntries(masks) };
    const response = await postJson(`${url}/${PACKAGE}.${rpc}`, { ...sent, request });
    const text = await response.text();
    const token = response.headers.get('update-token') ?? '';
    if (response.status === 200) return { code: 'OK', token, body: JSON.parse(text) };
    if (response.status === 404 && !text.startsWith('{')) return { code: 'Unimplemented', token };
    const { code = '', message = '' } = JSON.parse(text) as Record<string, string>;
    return { code: codeByName(code), message, token };
  };
}

function grpcSender(url: string): Send {
  const transport = createGrpcTransport({ baseUrl: url });
  return async (rpc, sent) => {
    const [service, name] = rpc.split('/');
    const methods =
      [Recorder, ResultDB, Schemas].find(({ name: each }) => each === service)?.methods ?? [];
    const method = methods.find((each) => each.name === name);
    if (!method || !isUnary(method)) return { code: 'Unimplemented', token: '' };
    try {
      const input = fromJson(method.input, sent.request, { ignoreUnknownFields: true });
      const message = Object.assign(input, masksOf(sent.masks));
      const answer = await callByGrpc(transport, method, { message, tokens: sent.tokens });
      const body = toJson(method.output, answer.message) as JsonObject;
      return { code: 'OK', token: answer.header.get('update-token') ?? '', body };
    } catch (error) {
      const { code, metadata, rawMessage } = ConnectError.from(error, Code.InvalidArgument);
      const token = metadata.get('update-token') ?? '';
      return { code: nameOf(code), message: rawMessage, token };
    }
  };
}

function isUnary(method: DescMethod): method is DescMethodUnary {
  return method.methodKind === 'unary';
}

function callByGrpc(
  transport: Transport,
  method: DescMethodUnary,
  { message, tokens }: { readonly message: object; readonly tokens: readonly string[] },
) {
  return transport.unary(method, undefined, undefined, tokenHeaders(tokens), message as never);
}

function masksOf(masks: Sent['masks']): Record<string, unknown> {
  const entries = Object.entries(masks).map(([name, paths]) => [
    camelCase(name),
    create(FieldMaskSchema, { paths: [...paths] }),
  ]);
  return Object.fromEntries(entries);
}

function camelCase(name: string): string {
  return name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

const CODES = Object.values(Code).filter((code) => typeof code === 'number');

/** As gRPC's libraries in Go write a code. */
function nameOf(code: number): string {
  return Code[code] ?? `Code(${code})`;
}

function codeByName(name: string): string {
  const code = CODES.find((each) => codeName(each) === name);
  return code === undefined ? name : nameOf(code);
}
