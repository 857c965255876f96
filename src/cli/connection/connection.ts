/** Talks to a postlude server through typed clients, with calls that survive its restarts. */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import {
  type CallOptions,
  type Client,
  Code,
  ConnectError,
  createClient,
  type Interceptor,
} from '@connectrpc/connect';
import { compressionGzip, createConnectTransport } from '@connectrpc/connect-node';
import { isLoopback, systemRandom, toError } from '@postlude/queue/foundations';
import type { Command } from 'commander';
import { Recorder } from '../../gen/luci/resultdb/v1/recorder_pb.js';
import { ResultDB } from '../../gen/luci/resultdb/v1/resultdb_pb.js';
import { Exports } from '../../gen/postlude/v1/exports_pb.js';
import { Invocations } from '../../gen/postlude/v1/invocations_pb.js';
import { Limits } from '../../gen/postlude/v1/limits_pb.js';
import { PushTasks } from '../../gen/postlude/v1/push_tasks_pb.js';
import { Tasks } from '../../gen/postlude/v1/tasks_pb.js';
import { CLIENT_VARIABLES } from '../../server/config/client-variables.ts';
import { UPDATE_TOKEN_HEADER } from '../../services/shared/call-context.ts';
import { globalOptionsOf, outputOf } from '../command.ts';
import { type CliContext, CliError, EXIT } from '../context.ts';
import { parseDuration } from '../option-values.ts';
import type { OwnSecrets } from '../terminal/own-secrets.ts';
import { ClockComparison } from './clock-comparison.ts';
import { DEFAULT_AUDIENCE, IdTokens } from './id-token.ts';
import { type PutRequest, putContent } from './put-content.ts';
import { heedRefusals } from './refusals.ts';
import { type Retry, retryFor } from './rpc-retry.ts';

const DEFAULT_SERVER = 'http://127.0.0.1:8010';

/** Long enough for two megabytes of results over a slow line to a busy server. */
const DEFAULT_TIMEOUT_MS = 2 * 60_000;
const LONG_TIMEOUT_MS = 15 * 60_000;

export interface Connection {
  /** The URL has no slash at its end. */
  readonly url: string;
  readonly recorder: Client<typeof Recorder>;
  readonly resultDb: Client<typeof ResultDB>;
  readonly invocations: Client<typeof Invocations>;
  readonly exports: Client<typeof Exports>;
  readonly tasks: Client<typeof Tasks>;
  readonly pushTasks: Client<typeof PushTasks>;
  readonly limits: Client<typeof Limits>;
  /** Sends a file to a path of the server. It needs no right of the caller but the update token. */
  readonly put: (path: string, request: PutRequest) => Promise<void>;
  /** Options for calls that work through any number of rows before they return. */
  readonly longCall: CallOptions;
  /** Repeats calls for which that is safe, so that a server that is away for minutes fails none of them. */
  readonly retry: Retry;
  /**
   * Returns how far our clock is ahead of the server's; 0 if that is little, and `undefined` until there
   * has been a response.
   */
  readonly aheadMs: () => number | undefined;
}

export interface ConnectOptions {
  /** Prints no warning when a call is retried: the caller prints its own. */
  readonly retriesQuietly?: boolean;
}

export function connect(
  context: CliContext,
  command: Command,
  { retriesQuietly = false }: ConnectOptions = {},
): Connection {
  const url = serverUrl(context, globalOptionsOf(command).server);
  const { retryFor: retryForOption, timeout } = globalOptionsOf(command);
  const timeoutMs = durationOf(context, CLIENT_VARIABLES.timeout, timeout);
  const retryForMs = durationOf(context, CLIENT_VARIABLES.retryFor, retryForOption);
  const clocks = new ClockComparison(context.clock);
  const output = retriesQuietly ? undefined : outputOf(context, command);
  const warn = (message: string): void => output?.warn(message);
  const agent = agentFor(url, context.env);
  const transport = createConnectTransport({
    baseUrl: url,
    httpVersion: '1.1',
    useBinaryFormat: true,
    ...withDefaultTimeout(timeoutMs ?? DEFAULT_TIMEOUT_MS),
    ...compressionFor(url),
    nodeOptions: { agent },
    interceptors: [
      endWith(context.signal),
      heedRefusals({ clock: context.clock, random: systemRandom, warn }),
      authorize(idTokensOf(context, command)),
      keepSecrets(context.secrets),
      clocks.interceptor,
    ],
  });
  return {
    url,
    recorder: createClient(Recorder, transport),
    resultDb: createClient(ResultDB, transport),
    invocations: createClient(Invocations, transport),
    exports: createClient(Exports, transport),
    tasks: createClient(Tasks, transport),
    pushTasks: createClient(PushTasks, transport),
    limits: createClient(Limits, transport),
    put: (path, request) =>
      putContent(`${url}/${path}`, request, { agent, signal: context.signal }),
    longCall: { timeoutMs: timeoutMs ?? LONG_TIMEOUT_MS },
    retry: retryFor(context, { output, retryForMs }),
    aheadMs: () => clocks.aheadMs,
  };
}

/** The URL is stored in the spool and printed, so it must not hold a secret. */
function serverUrl(context: CliContext, option: string | undefined): string {
  const given = option ?? context.env[CLIENT_VARIABLES.server] ?? DEFAULT_SERVER;
  const url = /^https?:/.test(given) ? URL.parse(given) : null;
  if (url === null) {
    // It may hold a password, and what is no URL does not say where.
    const shown = /[@?#]/.test(given) ? '' : `: ${given}`;
    throw new CliError(`not a server URL${shown} (for example ${DEFAULT_SERVER})`, EXIT.badInput);
  }
  if (url.username !== '' || url.password !== '') {
    throw new CliError(
      `the URL of ${url.host} holds a user name or a password, which the server does not use: remove it, and pass the OIDC token in ${CLIENT_VARIABLES.idToken}`,
      EXIT.badInput,
    );
  }
  if (url.search !== '' || url.hash !== '') {
    const problem = `the URL of ${url.host} has a part after ? or #: a server has only an address and perhaps a path`;
    throw new CliError(problem, EXIT.badInput);
  }
  return given.replace(/[?#]$/, '').replace(/(?<!\/)\/+$/, '');
}

function durationOf(
  context: CliContext,
  variable: string,
  option: number | undefined,
): number | undefined {
  const inherited = context.env[variable];
  if (option !== undefined || inherited === undefined) return option;
  try {
    return parseDuration(inherited);
  } catch (error) {
    const reason = toError(error).message;
    throw new CliError(`${variable} is ${inherited}: ${reason}`, EXIT.badInput, {
      cause: error,
    });
  }
}

/** 0 means no timeout. The transport itself would end such calls at once. */
function withDefaultTimeout(timeoutMs: number): { readonly defaultTimeoutMs?: number } {
  return timeoutMs === 0 ? {} : { defaultTimeoutMs: timeoutMs };
}

/** All connections of a command share its tokens. */
const idTokens = new WeakMap<Command, IdTokens>();

function idTokensOf(context: CliContext, command: Command): IdTokens {
  const { clock, env } = context;
  const audience =
    globalOptionsOf(command).audience ?? env[CLIENT_VARIABLES.audience] ?? DEFAULT_AUDIENCE;
  const output = outputOf(context, command);
  const tokens =
    idTokens.get(command) ??
    new IdTokens({ clock, env, audience, warn: (message) => output.warn(message) });
  idTokens.set(command, tokens);
  return tokens;
}

/** Repeats a call that is refused for its token with another token, if there is one. */
function authorize(tokens: IdTokens): Interceptor {
  return (next) => async (request) => {
    const token = await whileGoing(request.signal, tokens.current());
    showToken(request.header, token);
    try {
      return await next(request);
    } catch (error) {
      if (request.stream || ConnectError.from(error).code !== Code.Unauthenticated) throw error;
      const other = await whileGoing(request.signal, tokens.insteadOf(token));
      if (other === undefined) throw error;
      showToken(request.header, other);
      return await next(request);
    }
  };
}

/** Tells which tokens are sent, so that they are not printed if the server repeats them. */
function keepSecrets(secrets: OwnSecrets): Interceptor {
  return (next) => (request) => {
    secrets.add(request.header.get('authorization')?.replace(/^Bearer /, ''));
    secrets.add(request.header.get(UPDATE_TOKEN_HEADER));
    return next(request);
  };
}

function showToken(header: Headers, token: string | undefined): void {
  if (token !== undefined) header.set('authorization', `Bearer ${token}`);
}

/** Waits for the promise, or throws the reason of `signal` as soon as that aborts. */
function whileGoing<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    if (signal.aborted) reject(signal.reason);
    promise.then(resolve, reject);
  });
}

/** Ends calls when the command is stopped: a server that never responds must not need a second signal. */
function endWith(stopping: AbortSignal): Interceptor {
  return (next) => async (request) => {
    const signal = AbortSignal.any([request.signal, stopping]);
    try {
      return await next({ ...request, signal });
    } catch (error) {
      if (!stopping.aborted) throw error;
      throw new ConnectError('stopped', Code.Canceled, undefined, undefined, error);
    }
  };
}

/**
 * Makes an agent that keeps its connections open from call to call. It uses the proxy that the
 * environment names (HTTPS_PROXY, HTTP_PROXY, NO_PROXY), except for servers on this machine.
 */
function agentFor(url: string, env: CliContext['env']): HttpAgent {
  const { protocol } = new URL(url);
  const options = { keepAlive: true, ...(isOnThisMachine(url) ? {} : { proxyEnv: { ...env } }) };
  return protocol === 'https:' ? new HttpsAgent(options) : new HttpAgent(options);
}

/** Between processes of one machine, compressing takes longer than sending. */
function compressionFor(url: string) {
  return isOnThisMachine(url) ? { acceptCompression: [] } : { sendCompression: compressionGzip };
}

function isOnThisMachine(url: string): boolean {
  return isLoopback(new URL(url).hostname.replace(/^\[|\]$/g, ''));
}
