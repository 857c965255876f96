/**
 * The client library, which only this file loads. We use its channel with its credentials, and make the calls
 * ourselves: the library's own streams do not wait for a slow reader, and its retries would hide what
 * happened to a commit.
 */
import type { v1 } from '@google-cloud/spanner';
import { systemClock } from '../../../foundations/clock.ts';
import { emulatorOptions, grpcOf } from '../../../foundations/grpc/google-grpc.ts';
import { loadOptional } from '../../../foundations/optional-package.ts';

/** Where and how to reach Spanner. */
export interface Endpoint {
  readonly projectId: string;
  /** `host:port` of an emulator, which is called in plain text and without credentials. */
  readonly emulatorHost?: string;
}

export interface CallOptions {
  readonly timeoutMs: number;
  readonly headers: Readonly<Record<string, string>>;
}

export interface CallStream extends AsyncIterable<unknown> {
  cancel(): void;
}

/** Makes calls by the names of their methods, such as `executeStreamingSql`. Throws gRPC's own errors. */
export interface SpannerCalls {
  unary(method: string, request: object, options: CallOptions): Promise<unknown>;
  stream(method: string, request: object, options: CallOptions): Promise<CallStream>;
}

export interface SpannerLibrary extends SpannerCalls {
  readonly admin: v1.DatabaseAdminClient;
  close(): Promise<void>;
}

/** Throws an error that names the package to install if the library is missing. */
export async function openLibrary(endpoint: Endpoint): Promise<SpannerLibrary> {
  const { v1: api } = await loadLibrary();
  const options = { projectId: endpoint.projectId, ...endpointOptions(endpoint) };
  const data = new api.SpannerClient(options);
  const admin = new api.DatabaseAdminClient(options);
  const { Metadata } = grpcOf(LIBRARY.name);
  const prepare = async (method: string, { headers, timeoutMs }: CallOptions) => {
    const stub = await data.initialize();
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    const call = stub[method] as (...values: unknown[]) => unknown;
    return { call: call.bind(stub), metadata, deadline: { deadline: deadlineIn(timeoutMs) } };
  };
  return {
    admin,
    async unary(method, request, callOptions) {
      const { call, metadata, deadline } = await prepare(method, callOptions);
      return await new Promise((resolve, reject) => {
        const settle = (error: unknown, response: unknown): void =>
          error ? reject(error) : resolve(response);
        call(request, metadata, deadline, settle);
      });
    },
    async stream(method, request, callOptions) {
      const { call, metadata, deadline } = await prepare(method, callOptions);
      return call(request, metadata, deadline) as CallStream;
    },
    async close() {
      await Promise.all([data.close(), admin.close()]);
    },
  };
}

/** Returns the library's options for an endpoint. */
export function endpointOptions({ emulatorHost }: Pick<Endpoint, 'emulatorHost'>): object {
  if (emulatorHost === undefined) return { 'grpc.keepalive_time_ms': KEEPALIVE_MS };
  const match = /^(.+):(\d{1,5})$/.exec(emulatorHost);
  if (!match) throw new Error(`the emulator's address must be host:port, not ${emulatorHost}`);
  const [, hostname = '', port] = match;
  return emulatorOptions(LIBRARY.name, { hostname, port: Number(port) });
}

/** Keepalives reveal a connection that has broken silently. */
const KEEPALIVE_MS = 30_000;

function deadlineIn(timeoutMs: number): Date {
  return new Date(systemClock.now() + timeoutMs);
}

const LIBRARY = { name: '@google-cloud/spanner', for: 'Cloud Spanner' };

function loadLibrary(): Promise<typeof import('@google-cloud/spanner')> {
  return loadOptional(LIBRARY, () => import('@google-cloud/spanner'));
}
